/**
 * A folder of a snapshot as a ZIP archive, for people without tar. It keeps names, modes, times to
 * the second, and symlinks the way Info-ZIP does; not owners, xattrs and hard links. Contents are
 * stored as they are, so that the length is known before and any range can be read.
 */
import type { Bytes, FsDirectory } from "../../engine/node.ts";
import type { ArchiveOptions } from "./tar.ts";
import { planZip } from "./zip-plan.ts";
import { readZip } from "./zip-read.ts";

/**
 * The archive, piece by piece.
 * @throws ForgeError of reading; what was given out until then is not a whole archive.
 */
export async function* zipArchive(
  root: FsDirectory,
  options: ArchiveOptions,
): AsyncGenerator<Bytes> {
  const plan = await planZip(root, options);
  yield* readZip(plan, { offset: 0, length: plan.layout.sizeBytes }, options.signal);
}
