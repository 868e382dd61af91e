/**
 * Lines that a person can print, keep and type back: 15 bytes a line as base32 (Crockford), each
 * with its number and its own check, so that a slip of the pen is found in the line it is in.
 * FORMAT.md "Recovery sheet".
 */
import { type Bytes, concatBytes, utf8 } from "../base/bytes.ts";
import { ForgeError } from "../base/errors.ts";
import { RECOVERY_LINES_MAX } from "../base/limits.ts";
import type { Platform } from "../platform/platform.ts";

/** Without I, L, O and U, which are read as 1, 1, 0 and V. */
const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LINE_BYTES = 15;
const LINE_DIGITS = 24;
const CHECK_DIGITS = 3;
const GROUP_DIGITS = 6;

type Hashing = Pick<Platform, "hash">;

/** One part of a sheet: "A" is always needed, "B" only when objects of the storage are lost. */
export type RecoveryPart = "A" | "B";

/** Lines of `bytes`, the last filled up with zeros: `A1  7K2QZM-9RFT3H-…  X4P`. */
export async function encodeRecoveryLines(
  platform: Hashing,
  part: RecoveryPart,
  bytes: Bytes,
): Promise<string[]> {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += LINE_BYTES) {
    const content = new Uint8Array(LINE_BYTES);
    content.set(bytes.subarray(at, at + LINE_BYTES));
    const number = lines.length + 1;
    const digits = toDigits(content);
    const groups = digits.match(new RegExp(`.{${GROUP_DIGITS}}`, "g")) ?? [];
    const check = await checkOf(platform, { part, number, content });
    lines.push(`${part}${number}  ${groups.join("-")}  ${check}`);
  }
  return lines;
}

/** The parts that were typed. A part of which no line was given is empty. */
export interface RecoveryText {
  readonly A: Bytes;
  readonly B: Bytes;
}

/** `A3` at the beginning makes a line one of ours; headings and notes around are passed over. */
const LINE = /^\s*([AB])\s*(\d{1,4})[\s:.]+(\S.*)$/i;

/**
 * Reads typed lines, in any order, in upper or lower case, with any spaces and dashes.
 *
 * @throws ForgeError "usage" that names every line that does not check or is missing.
 */
export async function decodeRecoveryLines(platform: Hashing, text: string): Promise<RecoveryText> {
  const found: Record<RecoveryPart, Map<number, Bytes>> = { A: new Map(), B: new Map() };
  const seen: Record<RecoveryPart, Set<number>> = { A: new Set(), B: new Set() };
  const problems: string[] = [];
  for (const line of text.split("\n")) {
    const match = LINE.exec(line);
    if (match === null) continue;
    const part = match[1]?.toUpperCase() === "B" ? "B" : "A";
    const number = Number(match[2]);
    seen[part].add(number);
    const result = await decodeRecoveryLine(platform, { part, number, typed: match[3] ?? "" });
    if (typeof result === "string") problems.push(result);
    else found[part].set(number, result);
  }
  for (const part of ["A", "B"] as const) problems.push(...missingLines(part, seen[part]));
  if (seen.A.size === 0) problems.push("it has no lines A1, A2, A3");
  if (problems.length > 0) {
    throw new ForgeError("usage", `Cannot read the recovery sheet: ${problems.join("; ")}`);
  }
  return { A: joined(found.A), B: joined(found.B) };
}

/** The 15 bytes of one line, or what is wrong with it. */
export async function decodeRecoveryLine(
  platform: Hashing,
  line: { readonly part: RecoveryPart; readonly number: number; readonly typed: string },
): Promise<Bytes | string> {
  const { part, number, typed } = line;
  const name = `line ${part}${number}`;
  if (number < 1 || number > RECOVERY_LINES_MAX) return `there is no ${name}`;
  const digits = typed
    .toUpperCase()
    .replaceAll(/[\s-]/g, "")
    .replaceAll("O", "0")
    .replaceAll(/[IL]/g, "1")
    .replaceAll("U", "V");
  const wrong = Array.from(digits).find((digit) => !DIGITS.includes(digit));
  if (wrong !== undefined) return `${name} has "${wrong}", which is not used`;
  const wanted = LINE_DIGITS + CHECK_DIGITS;
  if (digits.length !== wanted) {
    return `${name} has ${digits.length} letters and digits, ${wanted} are needed`;
  }
  const content = fromDigits(digits.slice(0, LINE_DIGITS));
  const check = await checkOf(platform, { part, number, content });
  return check === digits.slice(LINE_DIGITS) ? content : `${name} has a mistake in it`;
}

function missingLines(part: RecoveryPart, lines: ReadonlySet<number>): string[] {
  const last = Math.min(Math.max(0, ...lines), RECOVERY_LINES_MAX);
  const missing: string[] = [];
  for (let number = 1; number < last; number++) {
    if (!lines.has(number)) missing.push(`line ${part}${number} is missing`);
  }
  return missing;
}

function joined(lines: ReadonlyMap<number, Bytes>): Bytes {
  return concatBytes([...lines].sort(([a], [b]) => a - b).map(([, content]) => content));
}

/** The first 15 bits of a hash over part, number and content, as three digits. */
async function checkOf(
  platform: Hashing,
  line: { readonly part: RecoveryPart; readonly number: number; readonly content: Bytes },
): Promise<string> {
  const { part, number, content } = line;
  const head = utf8(`forge/v1/recovery/${part}${number}:`);
  const hash = await platform.hash(concatBytes([head, content]));
  return toDigits(hash.subarray(0, 5)).slice(0, CHECK_DIGITS);
}

/** 5 bits a digit, the highest first. @param bytes A multiple of 5 bytes. */
function toDigits(bytes: Uint8Array): string {
  let digits = "";
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    for (; bits >= 5; bits -= 5) digits += DIGITS.charAt((held >>> (bits - 5)) & 31);
    held &= 31;
  }
  return digits;
}

function fromDigits(digits: string): Bytes {
  const bytes = new Uint8Array((digits.length * 5) / 8);
  let at = 0;
  let bits = 0;
  let held = 0;
  for (const digit of digits) {
    held = ((held << 5) | DIGITS.indexOf(digit)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = (held >>> bits) & 0xff;
  }
  return bytes;
}
