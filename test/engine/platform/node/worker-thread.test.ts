import { execFileSync } from "node:child_process";

import { expect, test } from "vitest";

const root = new URL("../../../../", import.meta.url).href;

/**
 * In a process of its own, because what is looked for takes the process down: threads that load the
 * native modules are ended after 0 to 150 ms, most of them in the middle of that. With
 * `Worker.terminate()` one such process of twelve died of SIGABRT.
 */
const PROGRAM = `
  const at = (path) => import(new URL(path, ${JSON.stringify(root)}).href);
  const { createDecodePool } = await at("engine/platform/node/decode-pool.ts");
  const { nativePlatform } = await at("engine/platform/node/native.ts");
  const { createKeyMaterial, deriveKeyRing } = await at("engine/crypto/master-key.ts");
  const keys = await deriveKeyRing(nativePlatform, createKeyMaterial(nativePlatform), {
    repositoryId: new Uint8Array(32), cipher: "aes-256-gcm" });
  const location = { id: "ab".repeat(32), packId: "ab".repeat(32), kind: "data", codec: "none",
    epoch: 0, offset: 0, sealedBytes: 100028, plainBytes: 100000 };
  const codes = {};
  for (let round = 0; round < 15; round++) {
    const pool = createDecodePool({ keys, workers: 2, inlineBytesMax: 0, eager: true });
    const jobs = [1, 2, 3, 4].map(() => pool.decode(location, new Uint8Array(100028)));
    const settled = Promise.allSettled(jobs);
    await new Promise((resolve) => setTimeout(resolve, round * 10));
    await pool.close();
    for (const { reason } of await settled) codes[reason?.code] = (codes[reason?.code] ?? 0) + 1;
  }
  console.log(JSON.stringify(codes));
`;

test("threads may be ended while they load: nothing of the process goes with them", () => {
  for (let run = 0; run < 3; run++) {
    const out = execFileSync(process.execPath, ["--input-type=module", "-e", PROGRAM], {
      encoding: "utf8",
      timeout: 60_000,
    });
    const { aborted = 0, corrupt = 0, ...others } = JSON.parse(out) as Record<string, number>;
    expect(others).toEqual({});
    // Those that were stopped, and those whose thread had come to look at them.
    expect(aborted).toBeGreaterThan(0);
    expect(aborted + corrupt).toBe(15 * 4);
  }
}, 200_000);
