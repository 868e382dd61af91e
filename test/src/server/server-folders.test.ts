/** Where a restore may go on the server's machine, and what is shown of it. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ServerFolders } from "../../../src/server/api.ts";
import { type RestorePolicy, createRestorePolicy } from "../../../src/server/restore-policy.ts";
import { directory } from "../../helpers/expected-tree.ts";
import { MemoryRepository } from "../../helpers/memory-repository.ts";
import { type TestUser, serveWeb } from "../../helpers/web-server.ts";

let folder: string;
const closers: (() => Promise<void>)[] = [];

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "forge-folders-")));
  for (const path of ["a/inner", "a/.hidden", "b", "ab", "repository/packs"]) {
    mkdirSync(join(folder, path), { recursive: true });
  }
  writeFileSync(join(folder, "a/file.txt"), "");
  symlinkSync("inner", join(folder, "a/to-inner"));
  symlinkSync("/etc", join(folder, "a/to-etc"));
  symlinkSync("nowhere", join(folder, "a/dangling"));
});
afterAll(async () => {
  for (const close of closers) await close();
  rmSync(folder, { recursive: true });
});

const at = (...parts: string[]): string => join(folder, ...parts);
const policy = (roots: string[], isLoopback = true): Promise<RestorePolicy> =>
  createRestorePolicy({ roots, isLoopback, repository: at("repository") });

describe("the policy", () => {
  test("on loopback anywhere but in the repository, and in place", async () => {
    const { allowed, roots, inPlaceAllowed, checkTarget } = await policy([]);
    expect({ allowed, roots, inPlaceAllowed }).toEqual({
      allowed: true,
      roots: [],
      inPlaceAllowed: true,
    });
    expect(await checkTarget(at("new/deeper"))).toBe(at("new/deeper"));
    expect(await checkTarget(at("a/to-etc/x"))).toBe("/etc/x");
    await expect(checkTarget(at("repository/packs"))).rejects.toThrow("inside the repository");
    await expect(checkTarget(at("a/../repository"))).rejects.toThrow("inside the repository");
  });

  test("beyond loopback nowhere, unless folders were named", async () => {
    const { allowed, inPlaceAllowed, checkTarget } = await policy([], false);
    expect({ allowed, inPlaceAllowed }).toEqual({ allowed: false, inPlaceAllowed: false });
    await expect(checkTarget(at("a"))).rejects.toThrow("--restore-to");
    expect((await policy([at("a")], false)).allowed).toBe(true);
  });

  test("with folders named only below them, whatever the spelling, and not in place", async () => {
    const { inPlaceAllowed, checkTarget } = await policy([at("a"), at("b")]);
    expect(inPlaceAllowed).toBe(false);
    for (const path of [
      at("a"),
      at("a/inner"),
      at("b/new/x"),
      at("a/to-inner/x"),
      at("a/./inner/.."),
    ]) {
      expect((await checkTarget(path)).startsWith(folder), path).toBe(true);
    }
    expect(await checkTarget(at("a/to-inner/x"))).toBe(at("a/inner/x"));
    const outside = [
      at("ab"),
      at(),
      at("a/.."),
      `${folder}/a/../ab`,
      "/",
      "/etc",
      at("a/to-etc/x"),
    ];
    for (const path of outside) {
      await expect(checkTarget(path), path).rejects.toMatchObject({ code: "permission" });
    }
    for (const path of ["", "a", "./a", "~", `${at("a")}\0`]) {
      await expect(checkTarget(path), path).rejects.toMatchObject({ code: "usage" });
    }
  });

  test("a folder that is none is said at the start", async () => {
    for (const path of [at("none"), at("a/file.txt"), at("a/dangling")]) {
      await expect(policy([path])).rejects.toThrow("--restore-to");
    }
    expect((await policy([at("a/to-inner")])).roots).toEqual([at("a/inner")]);
  });
});

describe("the folders", () => {
  async function user(restorePolicy: RestorePolicy): Promise<TestUser> {
    const memory = await MemoryRepository.create();
    await memory.addSnapshot(directory("", []));
    const web = await serveWeb(memory, { restorePolicy });
    closers.push(() => web.close());
    return web.logIn();
  }
  const list = (who: TestUser, path?: string): Promise<ServerFolders> =>
    who.json(`/api/server-folders${path === undefined ? "" : `?path=${encodeURIComponent(path)}`}`);

  test("of this machine, links to folders among them, no files", async () => {
    const who = await user(await policy([]));
    expect(await list(who, at("a"))).toEqual({
      path: at("a"),
      parent: folder,
      folders: [".hidden", "inner", "to-etc", "to-inner"].map((name) => ({
        name,
        path: at("a", name),
      })),
      writable: true,
      truncated: false,
    });
    expect((await list(who, "/")).parent).toBeUndefined();
    expect((await list(who)).path).toBe(process.env["HOME"]);
    const statusOf = async (path: string): Promise<number> =>
      (await who.ask(`/api/server-folders?path=${encodeURIComponent(path)}`)).status;
    expect(await statusOf(at("none"))).toBe(404);
    expect(await statusOf(at("a/file.txt"))).toBe(404);
    expect(await statusOf("relative")).toBe(400);
  });

  test("that were named, and nothing above or beside them", async () => {
    const one = await user(await policy([at("a")], false));
    const first = await list(one);
    expect({ path: first.path, parent: first.parent }).toEqual({
      path: at("a"),
      parent: undefined,
    });
    expect((await list(one, at("a/inner"))).parent).toBe(at("a"));
    for (const path of [folder, at("ab"), at("a/.."), at("a/to-etc"), "/"]) {
      const { status } = await one.ask(`/api/server-folders?path=${encodeURIComponent(path)}`);
      expect(status, path).toBe(403);
    }
    const two = await user(await policy([at("a"), at("b")]));
    expect(await list(two)).toEqual({
      path: "",
      folders: [at("a"), at("b")].map((path) => ({ name: path, path })),
      writable: false,
      truncated: false,
    });
    expect((await list(two, at("b"))).parent).toBe("");
  });

  test("are nobody's business where nothing may be restored", async () => {
    const who = await user(await policy([], false));
    expect((await who.ask("/api/server-folders")).status).toBe(403);
    expect(await who.json("/api/session")).toMatchObject({
      restore: { allowed: false, roots: [] },
    });
  });
});
