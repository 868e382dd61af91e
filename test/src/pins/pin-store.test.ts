import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { parseId } from "../../../engine/base/ids.ts";
import type { SnapshotId } from "../../../engine/base/ids.ts";
import {
  type RepositoryPin,
  decodePlacePin,
  decodeRepositoryPin,
  encodeRepositoryPin,
} from "../../../src/pins/pin-codec.ts";
import { PinStore } from "../../../src/pins/pin-store.ts";
import { SeededRandom, testSeed } from "../../helpers/seeded-random.ts";

const PIN: RepositoryPin = {
  repositoryId: "12".repeat(32),
  fingerprint: "34".repeat(32),
  firstSeenMs: 5,
  seen: {
    epochs: 2,
    heads: new Map([
      [
        "ab".repeat(16),
        {
          id: parseId<SnapshotId>("56".repeat(32)),
          seq: 7,
          timeNs: -5n,
          hostname: "höst\n\u001b[31m",
          seenMs: 9,
        },
      ],
    ]),
    settled: new Map([["ab".repeat(16), [{ from: 1, to: 3 }]]]),
    accepted: new Set(["78".repeat(32), `${"78".repeat(32)}+${"9a".repeat(32)}`]),
  },
};

let folder: string;
let said: string[];
let store: PinStore;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "forge-pins-"));
  said = [];
  store = new PinStore({
    folder,
    onUnreadable: (message) => said.push(message),
    onUnwritable: (message) => said.push(message),
  });
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const file = (): string => path.join(folder, "pins", `${PIN.repositoryId}.json`);

describe("pins", () => {
  test("come back as they were written, by nobody else to read, and leave no other files", () => {
    expect(store.readRepository(PIN.repositoryId)).toBeUndefined();
    store.writeRepository(PIN);
    store.writeRepository(PIN);
    expect(store.readRepository(PIN.repositoryId)).toEqual(PIN);
    expect(fs.statSync(file()).mode & 0o777).toBe(0o600);
    expect(fs.readdirSync(path.dirname(file()))).toHaveLength(1);
    const place = { location: "/backup/ä", repositories: [{ id: "12".repeat(32), sinceMs: 1 }] };
    store.writePlace(place);
    expect(store.readPlace("/backup/ä")).toEqual(place);
    expect(store.readPlace("/backup")).toBeUndefined();
    expect(said).toEqual([]);
  });

  test("that are damaged count as never seen, and that is said", () => {
    store.writeRepository(PIN);
    const good = fs.readFileSync(file(), "utf8");
    const random = new SeededRandom(testSeed());
    for (let round = 0; round < 300; round++) {
      const at = random.below(good.length);
      const cut = good.slice(0, at);
      const bad = round % 2 === 0 ? cut : `${cut}${String(random.below(10))}${good.slice(at + 1)}`;
      fs.writeFileSync(file(), bad);
      const before = said.length;
      const pin = store.readRepository(PIN.repositoryId);
      // Some changes leave a pin: another number, another name.
      if (pin === undefined && bad !== good) continue;
      expect(said.length).toBe(before);
    }
    fs.writeFileSync(file(), "{}");
    expect(store.readRepository(PIN.repositoryId)).toBeUndefined();
    expect(said.at(-1)).toMatch(/Cannot use what this machine remembers/);
  });

  test("of another shape are refused without a crash", () => {
    const text = encodeRepositoryPin(PIN);
    const value = JSON.parse(text) as Record<string, unknown>;
    for (const key of Object.keys(value)) {
      for (const wrong of [null, -1, 1.5, "x", [], {}, [1], [[]], [{}], 1e300]) {
        const bad = JSON.stringify({ ...value, [key]: wrong });
        const empty = Array.isArray(value[key]) && Array.isArray(wrong) && wrong.length === 0;
        if (!empty) expect(() => decodeRepositoryPin(bad)).toThrow(/it (does not hold|is of)/);
      }
    }
    expect(() => decodeRepositoryPin(JSON.stringify({ ...value, version: 2 }))).toThrow(
      /version 2/,
    );
    for (const bad of ["", "[]", "null", "{}", '{"version":1,"location":"","repositories":[]}']) {
      expect(() => decodePlacePin(bad)).toThrow(/it (does not hold|is of)/);
    }
  });

  test("that nobody can write are forgotten, and that is said", () => {
    fs.writeFileSync(path.join(folder, "pins"), "a file where a folder should be");
    store.writeRepository(PIN);
    expect(said).toEqual([expect.stringMatching(/Cannot remember the state/)]);
    expect(store.readRepository(PIN.repositoryId)).toBeUndefined();
  });
});
