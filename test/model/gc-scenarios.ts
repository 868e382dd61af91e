/** What the collection model is explored in. Pack contents and wanted blobs are bits. */
import type { Scenario } from "./gc-model.ts";

export const SCENARIOS = {
  /** The snapshot is deleted while a backup wants the same blob. */
  one: { packs: [1], snapshot: 1, backups: [1], collectors: 1, deletion: true, crashes: true },
  /** A backup wants what is garbage. */
  garbage: {
    packs: [1, 2],
    snapshot: 1,
    backups: [2],
    collectors: 1,
    deletion: false,
    crashes: true,
  },
  /** A backup wants the garbage half of a pack whose other half is moved. */
  move: { packs: [3], snapshot: 1, backups: [2], collectors: 1, deletion: false, crashes: true },
  /** A blob that is stored twice, and two collectors. */
  twins: { packs: [1, 1], snapshot: 1, backups: [], collectors: 2, deletion: false, crashes: true },
  "twins and a backup": {
    packs: [1, 1],
    snapshot: 1,
    backups: [1],
    collectors: 2,
    deletion: false,
    crashes: false,
  },
  "two backups": {
    packs: [1],
    snapshot: 1,
    backups: [1, 1],
    collectors: 1,
    deletion: true,
    crashes: false,
  },
  /** One backup wants garbage, the other does not. */
  "another backup": {
    packs: [1, 2],
    snapshot: 2,
    backups: [1, 2],
    collectors: 1,
    deletion: false,
    crashes: false,
  },
  "two collectors": {
    packs: [1],
    snapshot: 1,
    backups: [1],
    collectors: 2,
    deletion: true,
    crashes: false,
  },
  "two of each": {
    packs: [1],
    snapshot: 1,
    backups: [1, 1],
    collectors: 2,
    deletion: true,
    crashes: true,
  },
} as const satisfies Readonly<Record<string, Scenario>>;

export type ScenarioName = keyof typeof SCENARIOS;
