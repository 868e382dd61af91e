/** A folder of which there are two versions, seen under one path in turn: as people change files. */
import { existsSync, renameSync } from "node:fs";

export type Version = "before" | "after";

export class VersionedFolder {
  readonly path: string;
  #shown: Version | undefined;

  /** Versions that are not shown are `path`-before and `path`-after; the first is shown now. */
  constructor(path: string) {
    this.path = path;
    if (existsSync(path)) this.#shown = existsSync(this.#aside("before")) ? "after" : "before";
    this.show("before");
  }

  show(version: Version): void {
    if (this.#shown === version) return;
    if (this.#shown !== undefined) renameSync(this.path, this.#aside(this.#shown));
    renameSync(this.#aside(version), this.path);
    this.#shown = version;
  }

  #aside(version: Version): string {
    return `${this.path}-${version}`;
  }
}
