/** `forge dump`: a file to stdout, or a folder as tar or zip. */
import { isatty } from "node:tty";
import { fileContent } from "../../archive/walk-folder.ts";
import { type ArchiveOptions, tarArchive } from "../../archive/tar.ts";
import { zipArchive } from "../../archive/zip.ts";
import {
  type Bytes,
  ForgeError,
  type FsEntry,
  countBuffersWithHeap,
  displayName,
} from "../../../engine/node.ts";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { choice, optional, required } from "../option-kinds.ts";
import { writeToStdout } from "../raw-stdout.ts";
import { withRepository } from "../session.ts";
import { LATEST_OPTIONS, openPath, snapshotFilter, splitReference } from "../snapshot-choice.ts";

export const dump: Command = defineCommand({
  description:
    "Write a file of a snapshot to stdout, or a folder as a tar archive with all its metadata.",
  arguments: {
    snapshot: required("id, the beginning of one, latest, or latest~N; SNAPSHOT:PATH names a path"),
    path: optional("the file or folder; the whole snapshot when absent"),
  },
  options: {
    archive: choice("-a, --archive <format>", "of folders", ["tar", "zip"]),
    ...LATEST_OPTIONS,
  },
  examples: [
    "forge dump latest /etc/fstab",
    "forge dump latest /home/anna | tar x -C /tmp",
    "forge dump 4f3a:/srv --archive zip > srv.zip",
  ],
  run(context, { snapshot, path, archive, ...filters }): Promise<ExitCode> {
    countBuffersWithHeap();
    return withRepository(context, async (session) => {
      const reference = splitReference(snapshot, path);
      const opened = await openPath(session, reference, snapshotFilter(filters));
      let skipped = 0;
      const pieces = piecesOf(context, opened.entry, archive, {
        path: opened.entry.name,
        signal: context.signal,
        onSkipped(skippedPath, reason) {
          skipped++;
          context.output.warn(`left out ${displayName(skippedPath)}: ${reason}`);
        },
      });
      await writeToStdout(pieces);
      return skipped === 0 ? EXIT.done : EXIT.someSkipped;
    });
  },
});

function piecesOf(
  context: CommandContext,
  entry: FsEntry,
  format: "tar" | "zip",
  options: ArchiveOptions,
): AsyncIterable<Bytes> {
  switch (entry.type) {
    case "file":
      return fileContent(entry, context.signal);
    case "directory":
      if (isatty(1)) {
        throw new ForgeError(
          "usage",
          `Cannot write an archive to a terminal: send it to a file or a program, as in: forge dump … > folder.${format}`,
        );
      }
      return format === "tar" ? tarArchive(entry, options) : zipArchive(entry, options);
    case "symlink":
      throw new ForgeError(
        "usage",
        `Cannot dump ${displayName(entry.name)}: it is a link to ${displayName(entry.target)}; dump that, or the folder it is in`,
      );
    case "fifo":
    case "socket":
    case "char-device":
    case "block-device":
      throw new ForgeError(
        "usage",
        `Cannot dump ${displayName(entry.name)}: it is a ${entry.type} and has no content`,
      );
    default:
      return entry satisfies never;
  }
}
