/** BackupProgress: what a backup has counted so far, for a progress line and for the snapshot. */

export class BackupProgress {
  filesNew = 0;
  filesChanged = 0;
  filesUnchanged = 0;
  filesFailed = 0;
  directories = 0;
  others = 0;
  /** Files the walk has met, and their bytes: grows until `walkEnded`. */
  filesFound = 0;
  bytesFound = 0;
  walkEnded = false;
  /** Bytes of the files done, as the walk saw them: reaches `bytesFound`. */
  bytesDone = 0;
  /** Logical bytes of the files saved. */
  bytesSaved = 0;
  readonly #onChange: (progress: BackupProgress) => void;

  /** @param onChange Called often and synchronously; it should only look and return. */
  constructor(onChange: (progress: BackupProgress) => void) {
    this.#onChange = onChange;
  }

  get filesDone(): number {
    return this.filesNew + this.filesChanged + this.filesUnchanged + this.filesFailed;
  }

  foundFile(sizeBytes: number): void {
    this.filesFound++;
    this.bytesFound += sizeBytes;
  }

  savedFile(
    outcome: "new" | "changed" | "unchanged",
    foundBytes: number,
    sizeBytes: number = foundBytes,
  ): void {
    if (outcome === "new") this.filesNew++;
    else if (outcome === "changed") this.filesChanged++;
    else this.filesUnchanged++;
    this.bytesDone += foundBytes;
    this.bytesSaved += sizeBytes;
    this.report();
  }

  failedFile(foundBytes: number): void {
    this.filesFailed++;
    this.bytesDone += foundBytes;
  }

  report(): void {
    this.#onChange(this);
  }
}
