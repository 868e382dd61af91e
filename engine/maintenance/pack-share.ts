/** Which packs a check reads: all of them, or a part that over some runs becomes all of them. */
import { ForgeError } from "../base/errors.ts";
import type { CheckRecord } from "./check-record.ts";
import type { ListedPack } from "./rebuild-index.ts";

export type PackShare =
  | { readonly kind: "all" }
  /** This much of all bytes, what was not verified for longest first. */
  | { readonly kind: "percent"; readonly percent: number }
  /** Part 1 … `parts`, by pack id: the same packs in every run. */
  | { readonly kind: "part"; readonly part: number; readonly parts: number }
  /** So many packs, what was not verified for longest first. */
  | { readonly kind: "count"; readonly count: number };

const PARTS_MAX = 10_000;

/** "10%", "2.5%", "3/7" or "20". @throws ForgeError "usage". */
export function parsePackShare(text: string): PackShare {
  const percent = /^(\d{1,3}(?:\.\d{1,3})?)%$/.exec(text)?.[1];
  if (percent !== undefined && Number(percent) > 0 && Number(percent) <= 100) {
    return { kind: "percent", percent: Number(percent) };
  }
  const [, part, parts] = /^(\d{1,5})\/(\d{1,5})$/.exec(text) ?? [];
  if (part !== undefined && parts !== undefined) {
    const share = { kind: "part", part: Number(part), parts: Number(parts) } as const;
    if (share.part >= 1 && share.part <= share.parts && share.parts <= PARTS_MAX) return share;
  }
  if (/^[1-9]\d{0,8}$/.test(text)) return { kind: "count", count: Number(text) };
  throw new ForgeError(
    "usage",
    `Cannot read "${text}" of the data: wanted is a share such as 10%, a part such as 3/7, or a number of packs`,
  );
}

/**
 * The packs to be read, in order. A run over all packs that was interrupted goes on: what it verified
 * is left out.
 */
export function choosePacks(
  packs: readonly ListedPack[],
  share: PackShare,
  record: CheckRecord,
): readonly ListedPack[] {
  const since = record.runStartedMs;
  const verifiedMs = (pack: ListedPack): number => record.verifiedMs(pack.packId) ?? 0;
  const oldest = [...packs].sort(
    (a, b) => verifiedMs(a) - verifiedMs(b) || (a.packId < b.packId ? -1 : 1),
  );
  switch (share.kind) {
    case "all":
      return since === undefined ? oldest : oldest.filter((pack) => verifiedMs(pack) < since);
    case "percent": {
      const total = packs.reduce((sum, { packBytes }) => sum + packBytes, 0);
      const wanted = (total * share.percent) / 100;
      let bytes = 0;
      const chosen: ListedPack[] = [];
      for (const pack of oldest) {
        if (bytes >= wanted) break;
        chosen.push(pack);
        bytes += pack.packBytes;
      }
      return chosen;
    }
    case "part":
      return oldest.filter(
        ({ packId }) => Number.parseInt(packId.slice(0, 8), 16) % share.parts === share.part - 1,
      );
    case "count":
      return oldest.slice(0, share.count);
    default:
      return share satisfies never;
  }
}
