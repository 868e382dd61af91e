/** A bound on the memory of a program, held by the kernel: a control group of its own. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface MemoryLimit {
  /** What comes before the words of a command, so that it runs within the bound. */
  readonly prefix: readonly string[];
  remove(): void;
}

/** What each version of control groups calls things. */
const PLACES = [
  { root: "/sys/fs/cgroup", limit: "memory.max", swap: "memory.swap.max" },
  {
    root: "/sys/fs/cgroup/memory",
    limit: "memory.limit_in_bytes",
    swap: "memory.memsw.limit_in_bytes",
  },
];

/** `undefined` where we may not make control groups, as in most containers. */
export function limitMemory(bytes: number): MemoryLimit | undefined {
  for (const { root, limit, swap } of PLACES) {
    const group = join(root, `forge-test-${process.pid}`);
    try {
      mkdirSync(group);
    } catch {
      continue;
    }
    const remove = (): void => rmdirSync(group);
    try {
      // Version 2 gives the controller to a group only when its parent says so.
      const controllers = join(root, "cgroup.subtree_control");
      if (existsSync(controllers)) writeFileSync(controllers, "+memory");
      if (!existsSync(join(group, limit))) throw new Error("no memory controller here");
      writeFileSync(join(group, limit), String(bytes));
      if (existsSync(join(group, swap))) {
        writeFileSync(join(group, swap), limit === "memory.max" ? "0" : String(bytes));
      }
      if (Number(readFileSync(join(group, limit), "utf8")) > bytes) throw new Error("not taken");
    } catch {
      remove();
      continue;
    }
    // The shell moves itself into the group and becomes the program.
    const prefix = ["/bin/sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', group];
    return { prefix, remove };
  }
  return undefined;
}
