/** The errno name that an error of the operating system carries, whichever door it came through. */

/** "ENOENT" and the like from Node's errors and our own; `undefined` for all else. */
export function errnoCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" && /^E[A-Z0-9]+$/.test(error.code) ? error.code : undefined;
}
