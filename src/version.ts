/** The version of this forge, from its package.json. */
import { readFileSync } from "node:fs";

/** Beside `src` in a clone, beside `dist` when it is built. */
export function versionText(): string {
  for (const place of ["../package.json", "../../package.json"]) {
    try {
      const found: unknown = JSON.parse(readFileSync(new URL(place, import.meta.url), "utf8"));
      if (typeof found === "object" && found !== null && "version" in found) {
        return String(found.version);
      }
    } catch {
      // Not there: the next place.
    }
  }
  return "unknown";
}
