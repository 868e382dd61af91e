/** One tool's repositories: new for every backup row, made when a row that reads finds none. */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Corpus } from "./corpus.ts";
import { type Command, type Cost, measured, run } from "./process.ts";
import type { Tool } from "./tools/tool.ts";
import type { VersionedFolder } from "./versioned-folder.ts";

export type RepositoryName = "small" | "big" | "one" | "random" | "releases";

export class Workshop {
  readonly tool: Tool;
  readonly corpus: Corpus;
  /** Scratch space of this tool, on the same file system as the corpora. */
  readonly folder: string;
  readonly #cold: boolean;

  constructor(tool: Tool, { corpus, work, cold }: { corpus: Corpus; work: string; cold: boolean }) {
    this.tool = tool;
    this.corpus = corpus;
    this.folder = join(work, tool.name);
    this.#cold = cold;
    mkdirSync(this.folder, { recursive: true });
  }

  repository(name: RepositoryName): string {
    return join(this.folder, `repository-${name}`);
  }

  /** The number of the newest snapshot; 0 when there is none. Noted beside the repository. */
  newest(name: RepositoryName): number {
    const path = this.#countPath(name);
    return existsSync(path) ? Number(readFileSync(path, "utf8")) : 0;
  }

  /** Starts an empty repository in place of what was there. */
  init(name: RepositoryName): void {
    const repository = this.repository(name);
    rmSync(repository, { recursive: true, force: true });
    run(this.tool.init(repository));
    rmSync(this.#countPath(name), { force: true });
  }

  backup(name: RepositoryName): Cost {
    const number = this.newest(name) + 1;
    const cost = this.measure(this.tool.backup(this.repository(name), this.#source(name), number));
    writeFileSync(this.#countPath(name), String(number));
    return cost;
  }

  /** Makes the repository have at least `count` snapshots; rows that read need two. */
  ensure(name: RepositoryName, count: number): void {
    if (this.newest(name) === 0) this.init(name);
    while (this.newest(name) < count) {
      const versions = this.#versions(name);
      versions?.show(this.newest(name) === 0 ? "before" : "after");
      this.backup(name);
    }
  }

  repositoryBytes(name: RepositoryName): number {
    const root = this.repository(name);
    return readdirSync(root, { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
  }

  /** Runs a command with nothing of others left to be written, and its output in files. */
  measure(command: Command): Cost {
    this.settle();
    // A backup that left out a file that is not ours to read is still one (restic and forge say 3,
    // borg 1).
    return measured(command, this.folder, [1, 3]);
  }

  #versions(name: RepositoryName): VersionedFolder | undefined {
    if (name === "big") return this.corpus.big;
    return name === "releases" ? this.corpus.releases : undefined;
  }

  #source(name: RepositoryName): string {
    const versions = this.#versions(name);
    if (versions !== undefined) return versions.path;
    if (name === "one") return this.corpus.bigFiles[0] ?? this.corpus.random;
    return name === "small" ? this.corpus.small : this.corpus.random;
  }

  #countPath(name: RepositoryName): string {
    return `${this.repository(name)}.snapshots`;
  }

  /** Lets the disk finish; with --cold also forgets what was read. */
  settle(): void {
    run({ words: ["sync"], environment: {} });
    if (this.#cold) writeFileSync("/proc/sys/vm/drop_caches", "3");
  }
}
