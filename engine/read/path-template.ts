/**
 * Path templates: where a snapshot stands in the view of all snapshots. `%T` time, `%h` host, `%u`
 * user, `%t` tag (one path for each), `%i` short id, `%I` id, `%%` a percent sign.
 */
import { utf8 } from "../base/bytes.ts";
import { ForgeError } from "../base/errors.ts";
import { NAME_BYTES_MAX } from "../base/limits.ts";
import type { Snapshot } from "../snapshots/snapshot.ts";

export const DEFAULT_PATH_TEMPLATES: readonly string[] = [
  "snapshots/%T",
  "hosts/%h/%T",
  "tags/%t/%T",
  "ids/%i",
];

export const SHORT_ID_DIGITS = 8;

export interface PathTemplate {
  /** As given, one path component each. */
  readonly components: readonly string[];
  /** The last component is the time alone: its directory gets a `latest` link. */
  readonly isByTime: boolean;
  /** The last component is the short id alone: its directory also answers to longer ones. */
  readonly isById: boolean;
}

type Named = Pick<Snapshot, "id" | "timeNs" | "hostname" | "username" | "tags">;

/** @throws ForgeError "usage" for an unknown letter or a template without components. */
export function parsePathTemplate(template: string): PathTemplate {
  const components = template.split("/").filter((part) => part !== "");
  const last = components.at(-1);
  if (last === undefined) throw unusable(template, "it is empty");
  for (const component of components) {
    if (component === "." || component === "..")
      throw unusable(template, `it contains "${component}"`);
    for (const [, letter] of component.matchAll(/%(.?)/gsu)) {
      if (letter === undefined || !"ThutiI%".includes(letter) || letter === "") {
        throw unusable(template, `"%${letter ?? ""}" is none of %T %h %u %t %i %I %%`);
      }
    }
  }
  return { components, isByTime: last === "%T", isById: last === "%i" };
}

/** The paths of a snapshot, as names that every system accepts; none when it has no tag for `%t`. */
export function expandPathTemplate(
  template: PathTemplate,
  snapshot: Named,
  formatTime: (timeNs: bigint) => string,
): string[][] {
  const byTag = template.components.some((part) => part.replaceAll("%%", "").includes("%t"));
  const tags = byTag ? [...new Set(snapshot.tags)] : [""];
  return tags.map((tag) =>
    template.components.map((component) =>
      safeName(component.replace(/%(.)/gsu, (_, letter: string) => value(letter, tag))),
    ),
  );

  function value(letter: string, tag: string): string {
    switch (letter) {
      case "T":
        return formatTime(snapshot.timeNs);
      case "h":
        return snapshot.hostname;
      case "u":
        return snapshot.username;
      case "t":
        return tag;
      case "i":
        return snapshot.id.slice(0, SHORT_ID_DIGITS);
      case "I":
        return snapshot.id;
      default:
        return "%";
    }
  }
}

/** Room that `safeName` leaves for `-1`, `-2` … */
const SUFFIX_BYTES = 16;
const WINDOWS_DEVICE = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/i;

/**
 * `text` as one path component that Linux, macOS, Windows and SMB accept: what they refuse is
 * replaced by `_`. Different texts may become one name.
 */
export function safeName(text: string): string {
  // First cut short: what a snapshot calls its host may be megabytes.
  let name = text
    .slice(0, NAME_BYTES_MAX)
    .toWellFormed()
    .replace(/[\u0000-\u001f\u007f-\u009f/\\:*?"<>|]/g, "_");
  name = name.replace(/[. ]+$/, (end) => "_".repeat(end.length)).replace(/^ +/, "_");
  if (name === "") name = "_";
  if (WINDOWS_DEVICE.test(name)) name = `_${name}`;
  while (utf8(name).length > NAME_BYTES_MAX - SUFFIX_BYTES) {
    name = name.slice(0, -1).replace(/[\ud800-\udbff]$/, "");
  }
  return name;
}

function unusable(template: string, found: string): ForgeError {
  return new ForgeError("usage", `Cannot use the path template "${template}": ${found}`);
}
