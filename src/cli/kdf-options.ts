/** What a passphrase costs: measured, unless the configuration or a hidden option says otherwise. */
import type { KdfParameters } from "../../engine/node.ts";
import type { RepositorySettings } from "../config/settings.ts";
import { integer } from "./option-kinds.ts";

/** Of commands that make a key. Hidden: below what is measured they are for tests. */
export const KDF_OPTIONS = {
  kdfMemoryKib: integer("--kdf-memory-kib <n>", "cost of the passphrase: memory", {
    min: 8,
    max: 1_048_576,
    hidden: true,
  }),
  kdfPasses: integer("--kdf-passes <n>", "cost of the passphrase: passes", {
    min: 1,
    max: 16,
    hidden: true,
  }),
} as const;

export interface KdfValues {
  readonly kdfMemoryKib: number | undefined;
  readonly kdfPasses: number | undefined;
}

/** The KDF of a slot that asks for a part of it: the rest is the writer's standard (FORMAT.md). */
const KDF_STANDARD: KdfParameters = { memoryKib: 65_536, passes: 3, lanes: 4 };

/** @returns `undefined` when nothing was asked for, and the machine is to be measured. */
export function kdfOf(
  values: KdfValues,
  { encryption }: Pick<RepositorySettings, "encryption">,
): KdfParameters | undefined {
  const memoryKib = values.kdfMemoryKib ?? encryption.kdf.memoryKib;
  const passes = values.kdfPasses ?? encryption.kdf.passes;
  const { lanes } = encryption.kdf;
  if (memoryKib === undefined && passes === undefined && lanes === undefined) return undefined;
  return {
    memoryKib: memoryKib ?? KDF_STANDARD.memoryKib,
    passes: passes ?? KDF_STANDARD.passes,
    lanes: lanes ?? KDF_STANDARD.lanes,
  };
}
