/** `forge ls`: what is in a snapshot. */
import {
  type Bytes,
  ForgeError,
  type FsEntry,
  displayName,
  findUtf8,
} from "../../../engine/node.ts";
import { TREE_DEPTH_MAX } from "../../../engine/base/limits.ts";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { displayText, formatMode, formatTime } from "../format.ts";
import { toJson } from "../output.ts";
import { flag, optional, required } from "../option-kinds.ts";
import { withRepository } from "../session.ts";
import { jsonEntry, jsonPath } from "../shown-entry.ts";
import { LATEST_OPTIONS, openPath, snapshotFilter, splitReference } from "../snapshot-choice.ts";

export const ls: Command = defineCommand({
  description: "List a folder of a snapshot, or all of it with -R.",
  arguments: {
    snapshot: required("id, the beginning of one, latest, or latest~N; SNAPSHOT:PATH names a path"),
    path: optional("a path inside; the root when absent"),
  },
  options: {
    long: flag("-l, --long", "type and permissions, owner, size and time"),
    recursive: flag("-R, --recursive", "everything below, one path a line"),
    ...LATEST_OPTIONS,
  },
  examples: ["forge ls latest", "forge ls -l latest /home/anna", "forge ls -R 4f3a:/etc"],
  run(context, { snapshot, path, long, recursive, ...filters }): Promise<ExitCode> {
    return withRepository(context, async (session) => {
      const reference = splitReference(snapshot, path);
      const opened = await openPath(session, reference, snapshotFilter(filters));
      const listing = new Listing(context, { long, recursive });
      if (opened.entry.type === "directory") await listing.folder(opened.entry, opened.path, 0);
      else await listing.entry(opened.entry, opened.path);
      return EXIT.done;
    });
  },
});

const SLASH = 0x2f;

class Listing {
  readonly #context: CommandContext;
  readonly #long: boolean;
  readonly #recursive: boolean;

  constructor(
    context: CommandContext,
    { long, recursive }: { readonly long: boolean; readonly recursive: boolean },
  ) {
    this.#context = context;
    this.#long = long;
    this.#recursive = recursive;
  }

  /** @param path Of the folder, with a slash at its beginning. */
  async folder(
    folder: Extract<FsEntry, { type: "directory" }>,
    path: Bytes,
    depth: number,
  ): Promise<void> {
    if (depth > TREE_DEPTH_MAX) {
      throw new ForgeError(
        "too-large",
        `Cannot list ${displayName(path)}: it is ${depth} levels deep`,
      );
    }
    const { output, signal } = this.#context;
    const shownFolder = cleanText(path);
    for (let from = 0; ;) {
      const entries = folder.readEntriesNow?.(from) ?? (await folder.readEntries(from, { signal }));
      if (entries.length === 0) return;
      signal.throwIfAborted();
      for (const entry of entries) {
        const isFull = output.addLine(this.#lineOf(entry, path, shownFolder));
        if (isFull) await output.flush();
        if (!this.#recursive || entry.type !== "directory") continue;
        await this.folder(entry, childPath(path, entry.name), depth + 1);
      }
      from += entries.length;
    }
  }

  async entry(entry: FsEntry, path: Bytes): Promise<void> {
    const { output } = this.#context;
    if (output.json) await output.jsonLine({ ...jsonPath(path), ...jsonEntry(entry) });
    else {
      const isPath = this.#recursive || entry.name.length === 0;
      await output.line(this.#text(entry, displayName(isPath ? path : entry.name)));
    }
  }

  /** @param shownFolder The text of `folder` when it is made of nothing but ordinary characters. */
  #lineOf(entry: FsEntry, folder: Bytes, shownFolder: string | undefined): string {
    const { output } = this.#context;
    if (output.json) {
      return toJson({ ...jsonPath(childPath(folder, entry.name)), ...jsonEntry(entry) });
    }
    if (!this.#recursive) return this.#text(entry, displayName(entry.name));
    const shownName = cleanText(entry.name);
    if (shownFolder === undefined || shownName === undefined) {
      return this.#text(entry, displayName(childPath(folder, entry.name)));
    }
    const slash = shownFolder.endsWith("/") ? "" : "/";
    return this.#text(entry, `${shownFolder}${slash}${shownName}`);
  }

  #text(entry: FsEntry, name: string): string {
    return this.#long ? longLine(entry, name) : name;
  }
}

/** `bytes` as text when `displayName` would show them as they are. */
function cleanText(bytes: Bytes): string | undefined {
  const text = findUtf8(bytes);
  return text !== undefined && displayName(bytes) === text ? text : undefined;
}

function longLine(entry: FsEntry, name: string): string {
  const { attributes } = entry;
  const owner = displayText(attributes.user === "" ? String(attributes.uid) : attributes.user);
  const group = displayText(attributes.group === "" ? String(attributes.gid) : attributes.group);
  const isDevice = entry.type === "char-device" || entry.type === "block-device";
  const size = isDevice
    ? `${attributes.deviceMajor}, ${attributes.deviceMinor}`
    : String(attributes.sizeBytes);
  const mode = formatMode(entry.type, attributes.mode);
  const links = String(attributes.linkCount).padStart(3);
  const time = formatTime(attributes.mtimeNs);
  const target = entry.type === "symlink" ? ` -> ${displayName(entry.target)}` : "";
  // Columns as wide as is usual: the listing is printed while it is read.
  return `${mode} ${links} ${owner.padEnd(8)} ${group.padEnd(8)} ${size.padStart(11)} ${time} ${name}${target}`;
}

function childPath(folder: Bytes, name: Bytes): Bytes {
  const hasSlash = folder.at(-1) === SLASH;
  const path = new Uint8Array(folder.length + (hasSlash ? 0 : 1) + name.length);
  path.set(folder);
  if (!hasSlash) path[folder.length] = SLASH;
  path.set(name, path.length - name.length);
  return path;
}
