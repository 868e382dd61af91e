/** `forge unlock`: removes the leases of dead processes. */
import { hostname } from "node:os";
import { ForgeError, type KnownLease, removeLeases, surveyLeases } from "../../../engine/node.ts";
import { type Command, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { displayText, formatTime, plural, shortId } from "../format.ts";
import { flag, rest } from "../option-kinds.ts";
import { withRepository } from "../session.ts";
import { formatTable } from "../table.ts";

export const unlock: Command = defineCommand({
  description:
    "Remove the leases of processes that died: those that gave no sign of life for half an hour, and " +
    "those of this machine whose process is gone. Nothing in forge waits for a lease but the freeing " +
    "of space. Whoever loses a lease while he lives has to begin again, and loses nothing else.",
  arguments: { lease: rest("ids of leases to remove; with --force also of living ones") },
  options: {
    force: flag("--force", "remove the named leases whoever holds them"),
    dryRun: flag("-n, --dry-run", "show the leases, and change nothing"),
  },
  examples: ["forge unlock", "forge unlock --dry-run", "forge unlock --force 3f2a91c0"],
  run(context, { lease: named, force, dryRun }): Promise<ExitCode> {
    const { output } = context;
    return withRepository(
      context,
      async ({ repository }) => {
        const { dead, living } = await surveyLeases(repository, {
          hostname: hostname(),
          pid: process.pid,
          nowNs: BigInt(Date.now()) * 1_000_000n,
          isAlive,
        });
        const chosen = named.map((prefix) => choose([...dead, ...living], prefix));
        const alive = chosen.filter((one) => living.includes(one));
        if (alive.length > 0 && !force) {
          throw new ForgeError(
            "locked",
            `Cannot remove the lease of ${holderOf(alive[0])}: it seems to be alive; if it is not, use --force`,
          );
        }
        const going = named.length > 0 ? chosen : dead;
        if (!dryRun) await removeLeases(repository, new Set(going.map(({ id }) => id)));
        if (output.json) {
          for (const one of [...dead, ...living]) {
            await output.jsonLine({
              type: "lease",
              id: one.id,
              ...one.content,
              lastBeat: new Date(one.newest.modifiedMs).toISOString(),
              removed: !dryRun && going.includes(one),
            });
          }
          return EXIT.done;
        }
        const rows = [...dead, ...living].map((one) => [
          shortId(one.id),
          one.content?.purpose ?? "?",
          holderOf(one),
          formatTime(BigInt(Math.floor(one.newest.modifiedMs)) * 1_000_000n),
          going.includes(one) ? (dryRun ? "would be removed" : "removed") : "alive, stays",
        ]);
        const titles = ["Lease", "Purpose", "Holder", "Last sign of life", ""];
        if (rows.length > 0) {
          await output.lines(
            formatTable(
              titles.map((title) => ({ title })),
              rows,
            ),
          );
        }
        output.note(`${plural(going.length, "lease")} ${dryRun ? "would be removed" : "removed"}`);
        return EXIT.done;
      },
      { withoutSnapshots: true },
    );
  },
});

function choose(leases: readonly KnownLease[], prefix: string): KnownLease {
  const found = leases.filter(({ id }) => id.startsWith(prefix));
  const [first, second] = found;
  if (first !== undefined && second === undefined) return first;
  throw new ForgeError(
    first === undefined ? "not-found" : "ambiguous",
    `Cannot tell which lease ${prefix} is: ${found.length} of ${leases.length} begin so; see: forge unlock --dry-run`,
  );
}

function holderOf(lease: KnownLease | undefined): string {
  const content = lease?.content;
  if (content === undefined) return "unknown";
  return `${displayText(content.hostname)}, process ${content.pid}`;
}

/** Whether a process of this machine is there; signal 0 asks and does nothing. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of somebody else is there all the same.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
