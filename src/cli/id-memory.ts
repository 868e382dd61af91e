/** How much memory the ids of chunks may take where all of a repository are looked at. */
import { join } from "node:path";
import { type IdMemory, openScratchFile } from "../../engine/node.ts";
import { cacheFolder } from "../xdg-folders.ts";
import type { CommandContext } from "./command.ts";
import { size } from "./option-kinds.ts";

const MIB = 1024 * 1024;
/** 2.5 million chunks. */
const BYTES_DEFAULT: number = 128 * MIB;

export const ID_MEMORY_OPTION = size(
  "--memory <size>",
  "for the ids of chunks; more than fit wait in a temporary file (default: 128M)",
  { min: MIB },
);

/** @param bytes What the option says. */
export function idMemoryOf(
  { environment }: Pick<CommandContext, "environment">,
  bytes: number | undefined,
): IdMemory {
  const folder = join(cacheFolder(environment.variables), "scratch");
  return { bytes: bytes ?? BYTES_DEFAULT, openScratch: () => openScratchFile(folder) };
}
