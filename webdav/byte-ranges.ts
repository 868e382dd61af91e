/** Byte ranges: what a Range header asks for of a file, by RFC 9110, section 14. */

export interface ByteRange {
  readonly offset: number;
  /** At least 1. */
  readonly length: number;
}

/** A header with more is not from a program that wants to read: the whole file is its answer. */
const RANGES_MAX = 64;
/** Ranges closer than the header of a part are sent as one. */
const GAP_BYTES_MAX = 80;

/**
 * "whole" for a header that has to be ignored; "unsatisfiable" when nothing it names is in the file.
 * Ranges that overlap are joined, so that nothing is sent twice.
 */
export function selectRanges(
  header: string | undefined,
  sizeBytes: number,
): readonly ByteRange[] | "whole" | "unsatisfiable" {
  const list = /^\s*bytes\s*=(.*)$/i.exec(header ?? "")?.[1];
  if (list === undefined) return "whole";
  const ranges: ByteRange[] = [];
  let count = 0;
  for (const text of list.split(",")) {
    if (text.trim() === "") continue;
    const match = /^\s*(\d*)\s*-\s*(\d*)\s*$/.exec(text);
    if (match === null || ++count > RANGES_MAX) return "whole";
    const range = clip(match[1] ?? "", match[2] ?? "", sizeBytes);
    if (range === "invalid") return "whole";
    if (range !== undefined) ranges.push(range);
  }
  if (count === 0) return "whole";
  if (ranges.length > 0) return joined(ranges);
  // An empty file has no byte to name, and its end is as good as the whole.
  return sizeBytes === 0 && /^\s*-0*[1-9]/.test(list) ? "whole" : "unsatisfiable";
}

function clip(first: string, last: string, sizeBytes: number): ByteRange | undefined | "invalid" {
  if (first === "") {
    if (last === "") return "invalid";
    const length = Math.min(Number(last), sizeBytes);
    return length === 0 ? undefined : { offset: sizeBytes - length, length };
  }
  const offset = Number(first);
  const end = last === "" ? sizeBytes : Math.min(sizeBytes, Number(last) + 1);
  if (last !== "" && Number(last) < offset) return "invalid";
  return offset >= sizeBytes ? undefined : { offset, length: end - offset };
}

/** In the order they were asked for, unless some touch: then by offset. */
function joined(ranges: readonly ByteRange[]): readonly ByteRange[] {
  const out: ByteRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.offset - b.offset)) {
    const before = out.at(-1);
    if (before === undefined || range.offset > before.offset + before.length + GAP_BYTES_MAX) {
      out.push(range);
      continue;
    }
    const end = Math.max(before.offset + before.length, range.offset + range.length);
    out[out.length - 1] = { offset: before.offset, length: end - before.offset };
  }
  return out.length === ranges.length ? ranges : out;
}
