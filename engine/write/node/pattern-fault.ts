/**
 * What is wrong with a gitignore pattern. git ignores such a pattern in silence; whoever excludes a
 * folder of secrets from a backup has to be told instead.
 */

/** The reason why `pattern` can never match anything; `undefined` when it can, or is no pattern. */
export function findPatternFault(pattern: string): string | undefined {
  if (pattern.trim() === "" || pattern.startsWith("#")) return undefined;
  if (pattern.replace(/^!/, "").trim() === "") return "there is nothing after the exclamation mark";
  for (let i = 0; i < pattern.length; i++) {
    if (pattern[i] === "\\") {
      if (++i === pattern.length) return "nothing follows its last backslash";
    } else if (pattern[i] === "[") {
      const end = endOfBrackets(pattern, i);
      if (end === undefined) return "its [ is never closed; write \\[ for the character itself";
      const range = findBackwardRange(pattern.slice(i + 1, end));
      if (range !== undefined) return `its range ${range} is the wrong way round`;
      i = end;
    }
  }
  return undefined;
}

/** Index of the closing bracket; one right at the beginning is a member. */
function endOfBrackets(pattern: string, start: number): number | undefined {
  let i = start + 1;
  if (pattern[i] === "!" || pattern[i] === "^") i++;
  if (pattern[i] === "]") i++;
  for (; i < pattern.length; i++) {
    if (pattern[i] === "\\") i++;
    else if (pattern.startsWith("[:", i) && pattern.includes(":]", i)) {
      i = pattern.indexOf(":]", i) + 1;
    } else if (pattern[i] === "]") return i;
  }
  return undefined;
}

function findBackwardRange(members: string): string | undefined {
  for (const [range, from = "", to = ""] of members.matchAll(/([^\\])-([^\\])/gsu)) {
    if ((from.codePointAt(0) ?? 0) > (to.codePointAt(0) ?? 0)) return range;
  }
  return undefined;
}
