/**
 * Every command: its names and a line for the overview. The command itself is loaded when it is
 * asked for, so that `forge --version` and a typo do not wait for the engine.
 */
import type { Command } from "./command.ts";
import { KEY_COMMANDS } from "./key-commands.ts";

export interface CommandRow {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** A word with commands of its own: `forge key add`. */
export interface CommandGroup {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly examples: readonly string[];
  readonly commands: readonly CommandRow[];
}

export const COMMANDS: readonly (CommandRow | CommandGroup)[] = [
  {
    name: "init",
    aliases: [],
    summary: "create a repository",
    load: async () => (await import("./commands/init.ts")).init,
  },
  {
    name: "backup",
    aliases: [],
    summary: "save files, folders or a stream in a new snapshot",
    load: async () => (await import("./commands/backup.ts")).backup,
  },
  {
    name: "snapshots",
    aliases: ["list"],
    summary: "list the snapshots of a repository",
    load: async () => (await import("./commands/snapshots.ts")).snapshots,
  },
  {
    name: "ls",
    aliases: [],
    summary: "list files in a snapshot",
    load: async () => (await import("./commands/ls.ts")).ls,
  },
  {
    name: "find",
    aliases: [],
    summary: "find files and their versions across snapshots",
    load: async () => (await import("./commands/find.ts")).find,
  },
  {
    name: "diff",
    aliases: [],
    summary: "show what changed between two snapshots",
    load: async () => (await import("./commands/diff.ts")).diff,
  },
  {
    name: "info",
    aliases: [],
    summary: "describe the repository, or one snapshot",
    load: async () => (await import("./commands/info.ts")).info,
  },
  {
    name: "dump",
    aliases: [],
    summary: "write a file to stdout, or a folder as tar or zip",
    load: async () => (await import("./commands/dump.ts")).dump,
  },
  {
    name: "restore",
    aliases: ["extract"],
    summary: "take back files from a snapshot",
    load: async () => (await import("./commands/restore.ts")).restore,
  },
  {
    name: "mount",
    aliases: [],
    summary: "show the snapshots as a folder",
    load: async () => (await import("./commands/mount.ts")).mount,
  },
  {
    name: "webdav",
    aliases: [],
    summary: "show the snapshots as a network drive",
    load: async () => (await import("./commands/webdav.ts")).webdav,
  },
  {
    name: "browse",
    aliases: [],
    summary: "show the snapshots in a web browser",
    load: async () => (await import("./commands/browse.ts")).browse,
  },
  KEY_COMMANDS,
  {
    name: "trust",
    aliases: [],
    summary: "compare the storage with what this machine saw before",
    load: async () => (await import("./commands/trust.ts")).trust,
  },
  {
    name: "delete",
    aliases: [],
    summary: "delete snapshots",
    load: async () => (await import("./commands/delete.ts")).deleteSnapshots,
  },
  {
    name: "prune",
    aliases: [],
    summary: "delete the snapshots that no retention rule keeps",
    load: async () => (await import("./commands/prune.ts")).prune,
  },
  {
    name: "compact",
    aliases: [],
    summary: "free the space of what no snapshot needs",
    load: async () => (await import("./commands/compact.ts")).compact,
  },
  {
    name: "check",
    aliases: ["verify"],
    summary: "check that everything stored is there and unharmed, and repair it",
    load: async () => (await import("./commands/check.ts")).check,
  },
  {
    name: "unlock",
    aliases: [],
    summary: "remove the leases of dead processes",
    load: async () => (await import("./commands/unlock.ts")).unlock,
  },
  {
    name: "config",
    aliases: [],
    summary: "write a starter configuration, or show the one in use",
    load: async () => (await import("./commands/config.ts")).config,
  },
];
