/** What is to be done with an entry, by what stands at its place already. Changes nothing. */
import { equalBytes } from "../base/bytes.ts";
import type { OverwritePolicy } from "./restore.ts";
import type { Place, RestoreTarget, TargetStat } from "./restore-target.ts";
import type { WalkedEntry } from "./restore-walk.ts";

/**
 * new: nothing stands there. replace: what stands there is something else. right: it has the type and
 * the content already. skip: the policy leaves it alone.
 */
export type Decision = "new" | "replace" | "right" | "skip";

/** A decision, and what stands there when it is right. */
export type Decided =
  | { readonly decision: Exclude<Decision, "right"> }
  | { readonly decision: "right"; readonly found: TargetStat };

/** @throws ForgeError when the target cannot be looked at. */
export async function decide(
  target: Pick<RestoreTarget, "inspect" | "readLink">,
  walked: WalkedEntry,
  place: Place,
  overwrite: OverwritePolicy,
): Promise<Decided> {
  const found = await target.inspect(place);
  if (found === undefined) return { decision: "new" };
  if (overwrite === "never") return { decision: "skip" };
  if (overwrite === "always" || found.type !== walked.entry.type) return { decision: "replace" };
  const isRight = await isContentRight(target, walked, place, found);
  return isRight ? { decision: "right", found } : { decision: "replace" };
}

async function isContentRight(
  target: Pick<RestoreTarget, "readLink">,
  { entry, attributes }: WalkedEntry,
  place: Place,
  found: TargetStat,
): Promise<boolean> {
  switch (entry.type) {
    case "file":
      return found.sizeBytes === attributes.sizeBytes && found.mtimeNs === attributes.mtimeNs;
    case "symlink":
      return equalBytes(await target.readLink(place), entry.target);
    case "fifo":
    case "socket":
      return true;
    case "char-device":
    case "block-device":
      return (
        found.deviceMajor === attributes.deviceMajor && found.deviceMinor === attributes.deviceMinor
      );
    default:
      return entry satisfies never;
  }
}
