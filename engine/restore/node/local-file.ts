/** LocalFile: a `TargetFile` on disk. Its directory is held open until it is finished or discarded. */
import type { Bytes } from "../../base/bytes.ts";
import type { FsFile } from "../../read/readonly-fs.ts";
import type { BeginFileOptions, PlacedEntry, TargetFile } from "../restore-target.ts";
import type { DirectoryTable, LocalDirectory } from "./directory-table.ts";
import { type Rights, lossesOf, metadataOf } from "./entry-metadata.ts";
import { type NewFile, beginNewFile, dropNewFile, finishNewFile, writeAll } from "./new-file.ts";
import { attempted, promised } from "./target-error.ts";

interface Surroundings {
  readonly table: DirectoryTable;
  readonly rights: Rights;
}

/** Creates the file. @throws what the system said. */
export function beginLocalFile(
  { table, rights }: Surroundings,
  directory: LocalDirectory,
  name: Bytes,
  options: BeginFileOptions,
): TargetFile {
  const dirfd = table.pin(directory);
  try {
    const sparseBytes = options.sparse ? options.sizeBytes : undefined;
    const file = beginNewFile(dirfd, name, { replace: options.replace, sparseBytes });
    return new LocalFile({ table, rights }, directory, name, file);
  } catch (error) {
    table.unpin(directory);
    throw error;
  }
}

class LocalFile implements TargetFile {
  readonly #table: DirectoryTable;
  readonly #rights: Rights;
  readonly #directory: LocalDirectory;
  readonly #name: Bytes;
  readonly #file: NewFile;
  #open = true;

  constructor(
    { table, rights }: Surroundings,
    directory: LocalDirectory,
    name: Bytes,
    file: NewFile,
  ) {
    this.#table = table;
    this.#rights = rights;
    this.#directory = directory;
    this.#name = name;
    this.#file = file;
  }

  write(offset: number, bytes: Bytes): Promise<void> {
    return attempted("write the file", () => writeAll(this.#file.fd, bytes, offset));
  }

  finish(entry: FsFile): Promise<PlacedEntry> {
    return attempted("finish the file", () => {
      try {
        const { lost, identity } = finishNewFile(this.#directory.fd, this.#file, {
          name: this.#name,
          metadata: metadataOf(entry),
          rights: this.#rights,
          strip: this.#directory.inheritsAcl,
          isOwn: this.#directory.givesOwn,
          wantIdentity: entry.attributes.hardLinkKey !== undefined,
        });
        return { losses: lossesOf(lost), identity };
      } finally {
        this.#close();
      }
    });
  }

  discard(): Promise<void> {
    return promised(() => {
      if (!this.#open) return;
      dropNewFile(this.#directory.fd, this.#file);
      this.#close();
    });
  }

  #close(): void {
    this.#open = false;
    this.#table.unpin(this.#directory);
  }
}
