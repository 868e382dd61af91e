/** Mounting as an ordinary user, through fusermount3. Only root can become one for a test. */
import { execFile } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  type MountProcess,
  cleanUpMount,
  eventually,
  isMounted,
  startMount,
} from "../helpers/mount-process.ts";
import { need, needFuse } from "../helpers/need.ts";

/** `nobody` on every Linux. */
const USER = 65_534;
const run = promisify(execFile);

describe.skipIf(!needFuse() || !need(process.geteuid?.() === 0, "root, to become a user"))(
  "a mount by an ordinary user",
  () => {
    let folder = "";
    let mountPoint = "";
    let server: MountProcess | undefined;

    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), "forge-user-"));
      chmodSync(folder, 0o755);
      mountPoint = join(folder, "mnt, with comma");
      mkdirSync(mountPoint);
      chownSync(mountPoint, USER, USER);
    });

    afterEach(async () => {
      server?.child.kill("SIGKILL");
      await server?.ended();
      cleanUpMount(mountPoint);
      rmSync(folder, { recursive: true, force: true });
    });

    const asUser = async (program: string, ...args: readonly string[]): Promise<string> =>
      (await run(program, args, { uid: USER, gid: USER })).stdout;

    test("it shows everything to its owner, files of others included, and nothing to root", async () => {
      server = startMount(mountPoint, { binding: "kernel", uid: USER });
      await server.next("mounted");
      const cat = await asUser("cat", join(mountPoint, "snapshot/plain.txt"));
      expect(cat).toBe("hello\n");
      // Mode 0640 of uid 12: whoever has the key of the repository may read all of it.
      expect(await asUser("cat", join(mountPoint, "snapshot/one"))).toBe("linked\n");
      await expect(run("ls", [mountPoint])).rejects.toThrow("Permission denied");
      server.send("unmount");
      await server.next("unmounted");
      expect(isMounted(mountPoint)).toBe(false);
    });

    test("a mount in use is detached on request", async () => {
      server = startMount(mountPoint, { binding: "kernel", uid: USER });
      await server.next("mounted");
      const holder = execFile(
        "sh",
        ["-c", `cd "$1" && echo in && exec sleep 60`, "sh", mountPoint],
        {
          uid: USER,
          gid: USER,
        },
      );
      await new Promise((resolve) => holder.stdout?.once("data", resolve));
      server.send("unmount");
      expect(await server.next("failed", "unmounted")).toMatchObject({
        event: "failed",
        code: "io",
      });
      server.send("unmount-lazy");
      await server.next("detached");
      expect(isMounted(mountPoint)).toBe(false);
      holder.kill();
      await server.next("closed");
    });

    test("kill -9 of the server leaves no dead mount", async () => {
      server = startMount(mountPoint, { binding: "kernel", uid: USER });
      await server.next("mounted");
      server.child.kill("SIGKILL");
      await server.ended();
      await eventually(() => !isMounted(mountPoint) || undefined, "the watchdog to unmount");
    });

    test("process.exit() while mounted ends the process and the mount", async () => {
      server = startMount(mountPoint, { binding: "kernel", uid: USER });
      await server.next("mounted");
      server.send("exit");
      expect(await server.ended()).toBe(0);
      await eventually(() => !isMounted(mountPoint) || undefined, "the mount to go");
    });

    test("a directory of somebody else is refused, with what to do", async () => {
      chownSync(mountPoint, 0, 0);
      server = startMount(mountPoint, { binding: "kernel", uid: USER });
      const failure = await server.next("failed", "mounted");
      expect(failure).toMatchObject({ code: "permission" });
      expect(failure.message).toContain("must be writable for you");
    });

    test("others may look when root allows it, and then permissions hold", async () => {
      server = startMount(mountPoint, { binding: "kernel", allowOther: true });
      await server.next("mounted");
      expect(await asUser("cat", join(mountPoint, "snapshot/plain.txt"))).toBe("hello\n");
      const denied = asUser("cat", join(mountPoint, "snapshot/one"));
      await expect(denied).rejects.toThrow("Permission denied");
      expect(await asUser("ls", "-l", join(mountPoint, "snapshot"))).toContain("plain.txt");
      server.send("unmount");
      await server.next("unmounted");
    });

    test("a user who may not let others look is told what is missing", async () => {
      server = startMount(mountPoint, { binding: "kernel", uid: USER, allowOther: true });
      const failure = await server.next("failed", "mounted");
      if (failure.event === "mounted") return; // user_allow_other is set on this machine
      expect(failure).toMatchObject({ code: "permission" });
      expect(failure.message).toContain("/etc/fuse.conf");
    });
  },
);
