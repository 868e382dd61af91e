/**
 * The cost of a passphrase: Argon2id parameters, measured on the machine that makes a key slot.
 * FORMAT.md "Key slots"; RFC 9106 §4.
 */
import { utf8 } from "../base/bytes.ts";
import { KDF_MEMORY_KIB_MAX, KDF_MEMORY_KIB_MIN } from "../base/limits.ts";
import type { Platform } from "../platform/platform.ts";

/** Argon2id, version 0x13. Stored in the key slot. */
export interface KdfParameters {
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
}

const PASSES = 3;
const LANES = 4;
/** What unlocking may take: less on a machine that does the most memory sooner. */
const TARGET_MS = 250;
/**
 * 128 MiB, twice what RFC 9106 asks for where memory is short: every command and mount holds it while it
 * unlocks, and a phone's browser has to. Who wants more asks for `KDF_STRONG`. Record 10.
 */
const CALIBRATED_KIB_MAX = 128 * 1024;

/** 1 GiB, the most that a reader accepts. */
export const KDF_STRONG: KdfParameters = {
  memoryKib: KDF_MEMORY_KIB_MAX,
  passes: PASSES,
  lanes: LANES,
};

/**
 * Finds the memory with which unlocking takes at most 250 ms here: 64…128 MiB, 3 passes, 4 lanes.
 * Takes about 0.3 s, and at most 128 MiB.
 *
 * @param now Milliseconds of a clock that does not jump.
 */
export async function calibrateKdf(
  platform: Pick<Platform, "argon2id">,
  now: () => number,
): Promise<KdfParameters> {
  const trial: KdfParameters = { memoryKib: KDF_MEMORY_KIB_MIN, passes: PASSES, lanes: LANES };
  // The first run also starts threads and loads code; only the others are measured.
  await run(platform, { ...trial, memoryKib: 1024 });
  const guess = fitted(trial, await timeOf(platform, trial, now));
  if (guess.memoryKib === trial.memoryKib) return guess;
  // Memory beyond a processor's caches costs more than the first 64 MiB: the guess itself is measured.
  const tookMs = await timeOf(platform, guess, now);
  return tookMs <= TARGET_MS ? guess : fitted(guess, tookMs);
}

/** The parameters that would have taken the time aimed at, in whole MiB and within the bounds. */
function fitted(measured: KdfParameters, tookMs: number): KdfParameters {
  const wantedKib =
    Math.floor((measured.memoryKib * TARGET_MS) / Math.max(1, tookMs) / 1024) * 1024;
  const memoryKib = Math.min(CALIBRATED_KIB_MAX, Math.max(KDF_MEMORY_KIB_MIN, wantedKib));
  return { ...measured, memoryKib };
}

async function timeOf(
  platform: Pick<Platform, "argon2id">,
  kdf: KdfParameters,
  now: () => number,
): Promise<number> {
  const startMs = now();
  await run(platform, kdf);
  return now() - startMs;
}

async function run(platform: Pick<Platform, "argon2id">, kdf: KdfParameters): Promise<void> {
  const { memoryKib, passes, lanes } = kdf;
  const password = utf8("calibration");
  const salt = new Uint8Array(32);
  await platform.argon2id({ password, salt, memoryKib, passes, lanes, outputBytes: 32 });
}
