/** What is served: one large file, a folder of many entries, and a folder of real small files. */
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, writeFileSync } from "node:fs";
import { copyFileSync, statSync, writeSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";

export interface ServedCorpus {
  readonly root: string;
  /** Relative to `root`. */
  readonly largeFile: string;
  readonly largeBytes: number;
  /** A folder of `MANY` entries. */
  readonly many: string;
  /** A folder of `FILES` real files, and their size together. */
  readonly files: string;
  readonly filesBytes: number;
  /** One of them, of a few kilobytes. */
  readonly oneFile: string;
}

const LARGE_BYTES = 500e6;
export const MANY = 10_000;
export const FILES = 5_000;

/** Makes what is missing below `root`; what is there is used again. */
export function makeServedCorpus(root: string): ServedCorpus {
  const [large, many, files] = [join(root, "large"), join(root, "many"), join(root, "files")];
  const done = join(root, "..", "corpus-done");
  if (!existsSync(done)) {
    for (const path of [large, many, files]) mkdirSync(path, { recursive: true });
    writeLarge(join(large, "archive.tar"));
    for (let i = 0; i < MANY; i++) {
      writeFileSync(join(many, `entry ${String(i).padStart(5, "0")}.txt`), `number ${i}\n`);
    }
    copySmall(files);
    writeFileSync(done, "");
  }
  const names = readdirSync(files).sort();
  const sizes = names.map((name) => statSync(join(files, name)).size);
  const at = sizes.findIndex((size) => size > 2000 && size < 8000);
  return {
    root,
    largeFile: "large/archive.tar",
    largeBytes: statSync(join(large, "archive.tar")).size,
    many: "many",
    files: "files",
    filesBytes: sizes.reduce((sum, size) => sum + size, 0),
    oneFile: `files/${names[at] ?? ""}`,
  };
}

/** Programs and libraries of this machine as one tar, cut: compressible as such files are. */
function writeLarge(path: string): void {
  const sources = ["/usr/lib", "/usr/local", "/usr/bin", "/opt"].filter((name) => existsSync(name));
  const done = spawnSync(
    "sh",
    [
      "-c",
      `tar -c --sort=name "$@" 2>/dev/null | head -c ${LARGE_BYTES} > '${path}'`,
      "sh",
      ...sources,
    ],
    { stdio: "inherit" },
  );
  if (done.status !== 0) throw new Error(`Cannot make ${path}`);
  const missing = LARGE_BYTES - statSync(path).size;
  if (missing <= 0) return;
  const descriptor = openSync(path, "a");
  for (let left = missing; left > 0; left -= 1e6) {
    writeSync(descriptor, crypto.getRandomValues(new Uint8Array(Math.min(65_536, left))));
  }
  closeSync(descriptor);
}

/** The first `FILES` files of the machine's headers and documents, in one folder. */
function copySmall(target: string): void {
  let copied = 0;
  for (const tree of ["/usr/include", "/usr/share/doc", "/usr/share"]) {
    if (!existsSync(tree)) continue;
    for (const entry of readdirSync(tree, { withFileTypes: true, recursive: true })) {
      if (copied >= FILES) return;
      if (!entry.isFile()) continue;
      const from = join(entry.parentPath, entry.name);
      if (statSync(from).size > 1e6) continue;
      copyFileSync(from, join(target, `${String(copied).padStart(4, "0")} ${entry.name}`));
      copied++;
    }
  }
}
