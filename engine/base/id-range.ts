/** IdRange: ids by their first byte, so that many can be looked at in parts. */

/** All ids whose first byte is at least `first` and less than `end`. */
export interface IdRange {
  readonly first: number;
  readonly end: number;
}

export const ALL_IDS: IdRange = { first: 0, end: 256 };

/** @param id 32 bytes from `at`. */
export function isIdIn({ first, end }: IdRange, id: Uint8Array, at = 0): boolean {
  const byte = id[at] as number;
  return byte >= first && byte < end;
}
