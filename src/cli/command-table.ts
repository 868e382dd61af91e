/**
 * Every command: its names and a line for the overview. The command itself is loaded when it is
 * asked for, so that `forge --version` and a typo do not wait for the engine.
 */
import type { Command } from "./command.ts";

export interface CommandRow {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

export const COMMANDS: readonly CommandRow[] = [
  {
    name: "config",
    aliases: [],
    summary: "write a starter configuration, or show the one in use",
    load: async () => (await import("./commands/config.ts")).config,
  },
];
