/**
 * A soak: for as long as wanted, two clients back up trees that change, one process prunes, compacts and
 * checks, and another reads snapshots through a mount, all of the built program and all at once; any of
 * them is killed with SIGKILL now and then. What a snapshot holds is known from the version it carries.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

import { messageOf } from "../../engine/base/errors.ts";
import { type Ended, ForgeWorld } from "../helpers/forge-program.ts";
import { type ForgeMount, endMounts, mountForge } from "../helpers/forge-mount.ts";
import { cleanUpMount } from "../helpers/mount-process.ts";
import { noise } from "../helpers/expected-tree.ts";
import { SeededRandom } from "../helpers/seeded-random.ts";

const CLIENTS = 2;
const FILES = 24;
const KEPT = 3;
/** One of so many processes is killed. */
const KILL_ONE_OF = 4;
const LOCKED = 11;

/** Names of files and the hashes of what they hold. */
type Contents = ReadonlyMap<string, string>;

interface Client {
  readonly label: string;
  readonly tree: string;
  readonly versions: Contents[];
  /** The newest version of which a backup ended well. */
  acknowledged: number;
}

interface Listed {
  readonly id: string;
  readonly label: string;
}

export class Soak {
  readonly counts: Record<string, number> = {};
  readonly wrong: string[] = [];
  readonly #world = new ForgeWorld();
  readonly #random: SeededRandom;
  readonly #clients: readonly Client[];
  #mounts = 0;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.#world.init();
    this.#clients = Array.from({ length: CLIENTS }, (_, i) => {
      const tree = this.#world.path(`tree-${i}`);
      mkdirSync(tree);
      return { label: `client${i}`, tree, versions: [], acknowledged: -1 };
    });
  }

  /** Everything at once until it is over; then everything is looked at in peace. */
  async run(isOver: () => boolean): Promise<void> {
    const loop = async (turn: () => Promise<void>): Promise<void> => {
      while (!isOver()) await turn();
    };
    const loops = this.#clients.map((client) => loop(() => this.#backUp(client)));
    await Promise.all([...loops, loop(() => this.#keep()), loop(() => this.#read())]);
    await this.#examine();
  }

  async close(): Promise<void> {
    await endMounts();
    this.#world.remove();
  }

  async #backUp(client: Client): Promise<void> {
    const version = this.#change(client);
    const ended = await this.#forge("backup", [client.tree, "--label", client.label]);
    if (ended?.code === 0) client.acknowledged = version;
  }

  async #keep(): Promise<void> {
    const prune = ["--keep-last", String(KEPT), "--compact"];
    const command = this.#random.pick(["prune", "prune", "compact", "check"]);
    const ended = await this.#forge(command, command === "prune" ? prune : []);
    if (ended?.code !== LOCKED) return;
    // One that was killed still counts as being at work.
    await this.#forge("unlock", []);
  }

  /** @returns how it ended; `undefined` when it was killed. What nobody did to it is wrong. */
  async #forge(command: string, words: readonly string[]): Promise<Ended | undefined> {
    const isKilled = this.#random.below(KILL_ONE_OF) === 0;
    const timeoutMs = isKilled ? 100 + this.#random.below(900) : 120_000;
    const ended = await this.#world.finish([command, ...words], { timeoutMs });
    this.#count(ended.code === null ? `${command} killed` : command);
    if (ended.code === null) {
      if (!isKilled) this.wrong.push(`${command} hangs`);
      return undefined;
    }
    if (ended.code !== 0 && ended.code !== LOCKED) {
      this.wrong.push(`${command} ended with ${ended.code}: ${ended.stderr}`);
    }
    return ended;
  }

  async #read(): Promise<void> {
    const mount = await mountForge(this.#world, `mount-${this.#mounts++}`);
    this.#count("mounts");
    const isKilled = this.#random.below(KILL_ONE_OF) === 0;
    const untilMs = performance.now() + 1000 + this.#random.below(3000);
    while (performance.now() < untilMs) await this.#readOne(mount);
    await mount.stop(isKilled ? "SIGKILL" : "SIGTERM");
    if (isKilled) this.#count("mounts killed");
    cleanUpMount(mount.at);
  }

  async #readOne({ at }: ForgeMount): Promise<void> {
    const ids = await readdir(`${at}/ids`);
    if (ids.length === 0) return sleep(100);
    const id = this.#random.pick(ids);
    try {
      const trees = await readdir(`${at}/ids/${id}${this.#world.folder}`);
      const client = this.#clients.find(({ tree }) => tree.endsWith(trees[0] ?? "none"));
      if (client === undefined) throw new Error(`it holds ${trees.join(", ")}`);
      await this.#compare(client, `${at}/ids/${id}${client.tree}`);
      this.#count("snapshots read");
    } catch (error) {
      // Pruned meanwhile: then it may be gone half read, but nothing may be another.
      if (this.#listed().some((one) => one.id.startsWith(id))) {
        this.wrong.push(`reading snapshot ${id}: ${messageOf(error)}`);
      }
    }
  }

  /** Every file at `path` against the version that is written there. @returns that version. */
  async #compare({ versions }: Client, path: string): Promise<number> {
    const version = Number(await readFile(`${path}/version`, "utf8"));
    const wanted = versions[version] ?? new Map<string, string>();
    const names = (await readdir(path)).filter((name) => name !== "version");
    if (names.length !== wanted.size) throw new Error(`${names.length} files in ${version}`);
    for (const name of names) {
      const found = hashOf(await readFile(`${path}/${name}`));
      if (found !== wanted.get(name)) {
        this.wrong.push(`${name} of version ${version} is another at ${path}`);
      }
    }
    return version;
  }

  /** What is left, with nobody at work. */
  async #examine(): Promise<void> {
    this.#world.ok(["unlock"]);
    this.#world.ok(["check", "--read-data"]);
    const newest = new Map<string, number>();
    for (const { id, label } of this.#listed()) {
      const client = this.#clients.find((one) => one.label === label);
      if (client === undefined) throw new Error(`a snapshot with the label ${label}`);
      const target = this.#world.path("target");
      this.#world.ok(["restore", id, "--target", target]);
      const version = await this.#compare(client, `${target}${client.tree}`);
      newest.set(label, Math.max(version, newest.get(label) ?? -1));
      rmSync(target, { recursive: true });
      this.#count("snapshots restored");
    }
    for (const { label, acknowledged } of this.#clients) {
      const found = newest.get(label) ?? -1;
      if (found < acknowledged)
        this.wrong.push(`${label}: ${found} where ${acknowledged} ended well`);
    }
  }

  #listed(): readonly Listed[] {
    return JSON.parse(this.#world.ok(["snapshots", "--json"]).stdout) as readonly Listed[];
  }

  /** A third of the files anew. @returns the number of the version. */
  #change({ tree, versions }: Client): number {
    const version = versions.length;
    for (let file = 0; file < FILES; file++) {
      if (version > 0 && this.#random.below(3) > 0) continue;
      const size = this.#random.below(8) === 0 ? 300_000 : 4000;
      writeFileSync(`${tree}/${file}`, noise(this.#random.below(size), this.#random.u32()));
    }
    writeFileSync(`${tree}/version`, String(version));
    const names = readdirSync(tree).filter((name) => name !== "version");
    versions.push(new Map(names.map((name) => [name, hashOf(readFileSync(`${tree}/${name}`))])));
    return version;
  }

  #count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
