import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkMountPoint } from "../../mount/mount-point.ts";
import { decodeMountTable } from "../../mount/mount-table.ts";

describe("checkMountPoint", () => {
  let folder = "";

  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), "forge-point-")));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const refusal = async (path: string, refuse: readonly string[] = []): Promise<unknown> =>
    await checkMountPoint(path, { refuse }).then(
      (found) => `accepted ${found}`,
      (error: unknown) => error,
    );

  test("an empty directory is accepted and its path made plain", async () => {
    mkdirSync(join(folder, "real"));
    symlinkSync("real", join(folder, "link"));
    expect(await refusal(join(folder, "link") + "/")).toBe(`accepted ${folder}/real`);
  });

  test("a missing directory is not-found and says how to create it", async () => {
    const path = join(folder, "none");
    const error = await refusal(path);
    expect(error).toMatchObject({ code: "not-found" });
    expect(String(error)).toContain(`mkdir -p ${path}`);
  });

  test("a file is not-a-directory", async () => {
    writeFileSync(join(folder, "file"), "");
    expect(await refusal(join(folder, "file"))).toMatchObject({ code: "not-a-directory" });
    expect(await refusal(join(folder, "file", "x"))).toMatchObject({ code: "not-a-directory" });
  });

  test("a directory that is not empty is refused", async () => {
    writeFileSync(join(folder, "file"), "");
    expect(await refusal(folder)).toMatchObject({ code: "exists" });
  });

  test("a directory where something is mounted is refused", async () => {
    expect(await refusal("/proc")).toMatchObject({ code: "exists" });
  });

  test("a directory inside the repository is refused, also by way of a symlink", async () => {
    mkdirSync(join(folder, "repository", "mnt"), { recursive: true });
    mkdirSync(join(folder, "repository-of-others"));
    symlinkSync(join(folder, "repository"), join(folder, "alias"));
    const refuse = [join(folder, "alias")];
    expect(await refusal(join(folder, "repository", "mnt"), refuse)).toMatchObject({
      code: "usage",
    });
    expect(await refusal(join(folder, "repository"), refuse)).toMatchObject({ code: "usage" });
    const others = join(folder, "repository-of-others");
    expect(await refusal(others, refuse)).toBe(`accepted ${others}`);
  });

  test.skipIf(process.geteuid?.() === 0)(
    "a directory that is not writable is refused",
    async () => {
      chmodSync(folder, 0o555);
      expect(await refusal(folder)).toMatchObject({ code: "permission" });
    },
  );
});

test("mountinfo is decoded with its optional fields and escaped paths", () => {
  const table =
    "36 35 98:0 /mnt1 /mnt\\040two\\054\\134 rw,noatime master:1 shared:2 - ext3 /dev/root rw\n" +
    "40 35 0:57 / /m\xc3\xa9 ro,nosuid - fuse.forge forge ro,user_id=0\n";
  expect(decodeMountTable(table)).toEqual([
    { device: "98:0", mountPoint: "/mnt two,\\", type: "ext3" },
    { device: "0:57", mountPoint: "/mé", type: "fuse.forge" },
  ]);
});
