/** What a passphrase costs: measured, unless an option or the configuration says otherwise. */
import { KDF_STRONG, type KdfParameters } from "../../engine/node.ts";
import type { RepositorySettings } from "../config/settings.ts";
import { choice, integer } from "./option-kinds.ts";

/** Of commands that make a key. Hidden: what may cost less than is measured, for tests. */
export const KDF_OPTIONS = {
  kdf: choice("--kdf <cost>", "what guessing the passphrase costs; strong: 1 GiB of memory", [
    "measured",
    "strong",
  ]),
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
  readonly kdf: "measured" | "strong";
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
  if (values.kdf === "strong") return KDF_STRONG;
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
