/** `forge delete`: removes snapshots by name. */
import { hostname, userInfo } from "node:os";
import {
  ForgeError,
  type Snapshot,
  type SnapshotId,
  deleteSnapshot,
  findStoredSnapshot,
  isForgeError,
  resolveSnapshot,
} from "../../../engine/node.ts";
import { COLLECT_OPTIONS, reportCollection, runCollection } from "../collecting.ts";
import { type Command, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { displayText, formatTime, plural, shortId } from "../format.ts";
import { flag, rest } from "../option-kinds.ts";
import { type Session, withRepository } from "../session.ts";
import { jsonSnapshot } from "../shown-entry.ts";
import { LATEST_OPTIONS, snapshotFilter } from "../snapshot-choice.ts";

/** A snapshot, or the id of one that cannot be read. */
type Doomed = Snapshot | { readonly id: SnapshotId };

export const deleteSnapshots: Command = defineCommand({
  description:
    "Delete snapshots. What other snapshots need stays; the space of the rest is freed by " +
    "`forge compact`, or at once with --compact.",
  arguments: { snapshot: rest("ids, beginnings of ids, latest, or latest~N") },
  options: {
    ...LATEST_OPTIONS,
    dryRun: flag("-n, --dry-run", "say what would be deleted, and change nothing"),
    compact: flag("--compact", "free the space as well"),
    ...COLLECT_OPTIONS,
  },
  examples: ["forge delete 3f2a91c0", "forge delete latest~3 latest~4 --compact"],
  run(context, values): Promise<ExitCode> {
    const { output } = context;
    if (values.snapshot.length === 0) {
      throw new ForgeError("usage", "Cannot delete: name the snapshots; see: forge snapshots");
    }
    return withRepository(
      context,
      async (session) => {
        const filter = snapshotFilter(values);
        const doomed = new Map<SnapshotId, Doomed>();
        for (const reference of values.snapshot) {
          const found = await resolve(session, reference, filter);
          doomed.set(found.id, found);
        }
        for (const snapshot of doomed.values()) {
          if (!values.dryRun) {
            await deleteSnapshot(session.repository, snapshot, {
              nowNs: BigInt(Date.now()) * 1_000_000n,
              hostname: hostname(),
              username: userInfo().username,
              reason: "forge delete",
            });
          }
          await show(output, snapshot, values.dryRun);
        }
        if (values.dryRun) return EXIT.done;
        if (!values.compact) {
          output.note(
            `${plural(doomed.size, "snapshot")} deleted; free the space with: forge compact`,
          );
          return EXIT.done;
        }
        const { report, code } = await runCollection(context, session, values);
        if (output.json) await output.jsonLine({ type: "compact", ...report });
        else await reportCollection(context, report, false);
        return code;
      },
      { writes: true },
    );
  },
});

/** Also a snapshot that cannot be read can be deleted, by its id: it would keep space for ever. */
async function resolve(
  session: Session,
  reference: string,
  filter: ReturnType<typeof snapshotFilter>,
): Promise<Doomed> {
  try {
    return resolveSnapshot(session.snapshots, reference, filter);
  } catch (error) {
    if (!isForgeError(error, "not-found")) throw error;
    const id = await findStoredSnapshot(session.repository, reference);
    if (id === undefined) throw error;
    return { id };
  }
}

async function show(
  output: Parameters<Command["run"]>[0]["output"],
  snapshot: Doomed,
  dryRun: boolean,
): Promise<void> {
  const known = "timeNs" in snapshot ? snapshot : undefined;
  if (output.json) {
    const facts = known === undefined ? { id: snapshot.id } : jsonSnapshot(known);
    await output.jsonLine({ type: "deleted", dryRun, ...facts });
    return;
  }
  const about =
    known === undefined
      ? "which cannot be read"
      : `of ${formatTime(known.timeNs)} on ${displayText(known.hostname)}`;
  await output.summary(
    `${dryRun ? "would delete" : "deleted"} snapshot ${shortId(snapshot.id)} ${about}`,
  );
}
