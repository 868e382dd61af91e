/** The short run of the simulated crashes; `npm run campaign -- crash` is the long one. */
import { expect, it } from "vitest";

import { testSeed } from "../helpers/seeded-random.ts";
import { runSession } from "./crash-session.ts";
import { crashSession, examineCrash, noCrashes } from "./crash-states.ts";

const STATES = 300;

it("whatever a crash leaves of a session opens, is whole, and takes the next backup", async () => {
  const counts = noCrashes();
  for (let seed = testSeed() % 2 ** 31; counts.states < STATES; seed++) {
    expect(await crashSession(seed, counts, { statesMax: STATES - counts.states })).toEqual([]);
  }
}, 300_000);

it("a storage that loses what was stored is found out", async () => {
  const session = await runSession(1, 1);
  const { changes, now: moment } = session.log;
  const packs = changes.filter(({ ref, bytes }) => ref.kind === "packs" && bytes !== undefined);
  expect(packs.length).toBeGreaterThan(3);
  for (const pack of packs.slice(-3)) {
    const state = { what: "lost", changes: changes.filter((change) => change !== pack) };
    await expect(examineCrash(session, { moment, state, collects: false })).rejects.toThrow();
  }
});
