import { describe } from "vitest";
import { loadFuseNative } from "../../mount/libfuse/fuse-native.ts";
import { mountContract } from "../contracts/mount.ts";
import { needFuse } from "../helpers/need.ts";

/** An optional dependency for x86-64: elsewhere there is nothing to test. */
async function isInstalled(): Promise<boolean> {
  try {
    await loadFuseNative();
    return true;
  } catch {
    console.warn("\n*** SKIPPED: fuse-native does not load on this machine ***\n");
    return false;
  }
}

describe.skipIf(!needFuse() || !(await isInstalled()))("a mount by libfuse", () => {
  mountContract("libfuse", {
    coarseTimes: "fuse-native passes milliseconds as unsigned numbers",
    utf8Only: "fuse-native passes paths as JavaScript strings",
    noHoles: "libfuse 2.9 has no lseek",
    noInterrupt: "fuse-native does not pass interrupts on",
    closesWhenDetached: "libfuse does not tell when its session ends",
  });
});
