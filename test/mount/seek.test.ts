import { expect, test } from "vitest";
import { SEEK_DATA, SEEK_HOLE, seekInHoles } from "../../mount/seek.ts";

/** The slow twin: a map of every byte. */
function slowSeek(
  holes: readonly { offset: number; length: number }[],
  sizeBytes: number,
  { offset, whence }: { offset: number; whence: number },
): number | undefined {
  if (offset < 0 || offset >= sizeBytes) return undefined;
  const isHole = (at: number): boolean =>
    holes.some((hole) => at >= hole.offset && at < hole.offset + hole.length);
  for (let at = offset; at < sizeBytes; at++) {
    if (isHole(at) === (whence === SEEK_HOLE)) return at;
  }
  return whence === SEEK_HOLE ? sizeBytes : undefined;
}

test("data and holes are found as a map of every byte finds them", () => {
  const cases = [
    [],
    [{ offset: 0, length: 10 }],
    [{ offset: 0, length: 3 }],
    [{ offset: 7, length: 3 }],
    [
      { offset: 2, length: 2 },
      { offset: 4, length: 1 },
      { offset: 8, length: 1 },
    ],
  ];
  for (const holes of cases) {
    for (const whence of [SEEK_DATA, SEEK_HOLE]) {
      for (let offset = -1; offset <= 11; offset++) {
        const found = seekInHoles(holes, 10, { offset, whence });
        expect(found).toBe(slowSeek(holes, 10, { offset, whence }));
      }
    }
  }
});
