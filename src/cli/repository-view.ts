/** All snapshots of a repository as one tree: what the mount and the servers show. */
import { type ReadonlyFs, openRepositoryFs } from "../../engine/node.ts";
import type { CommandContext } from "./command.ts";
import { formatTime } from "./format.ts";
import { texts } from "./option-kinds.ts";
import type { Session } from "./session.ts";
import { FILTER_OPTIONS, type FilterValues, snapshotFilter } from "./snapshot-choice.ts";

/** Options of the commands that show all snapshots. */
export const VIEW_OPTIONS = {
  pathTemplate: texts(
    "--path-template <template>",
    "where snapshots stand: %T time, %h host, %u user, %t tag, %i and %I id (repeatable)",
  ),
  ...FILTER_OPTIONS,
} as const;

export interface ViewValues extends FilterValues {
  readonly pathTemplate: readonly string[];
}

/** @param configured Path templates for when none was given. @throws ForgeError "usage" for a bad one. */
export function openView(
  context: CommandContext,
  session: Session,
  { values, configured }: { readonly values: ViewValues; readonly configured: readonly string[] },
): Promise<ReadonlyFs> {
  const templates = values.pathTemplate.length > 0 ? values.pathTemplate : configured;
  return openRepositoryFs(session.repository, session.readSide, {
    // No colons: Windows and its shares do not take them in names.
    formatTime: (ns) => formatTime(ns).replace(" ", "_").replaceAll(":", "-"),
    now: () => performance.now(),
    pathTemplates: templates.length > 0 ? templates : undefined,
    filter: snapshotFilter(values),
    owner: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
    onListed: (snapshots) => session.trust.observe(session.repository, snapshots),
    onProblem: (error) => context.output.warn(error.message),
  });
}
