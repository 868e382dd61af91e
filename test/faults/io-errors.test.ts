/** The short run of the input and output errors; `npm run campaign -- io-errors` is the long one. */
import { expect, it } from "vitest";

import { testSeed } from "../helpers/seeded-random.ts";
import { OPERATIONS, ioErrorsOf, noIoErrors } from "./io-errors.ts";

/** One point in so many: coprime to the six of each call, so that all kinds come up. */
const EVERY = 11;

it("an error of the storage is told as what it is, and costs nothing but the operation", async () => {
  const counts = noIoErrors();
  const wrong = await ioErrorsOf(testSeed() % 2 ** 31, counts, { every: EVERY });
  expect(wrong).toEqual([]);
  expect(Object.keys(counts.byOperation)).toEqual(OPERATIONS);
}, 300_000);
