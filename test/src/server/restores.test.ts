/** Restores to folders of the server's machine: planned, begun, watched, cancelled, told. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { utf8 } from "../../../engine/base/bytes.ts";
import type { RestoreJob, RestoreRequest } from "../../../src/server/api.ts";
import { createRestorePolicy } from "../../../src/server/restore-policy.ts";
import { selectOf } from "../../../src/server/restore-plan.ts";
import { type ExpectedEntry, directory, file, symlink } from "../../helpers/expected-tree.ts";
import { directory as memoryDirectory } from "../../helpers/memory-fs.ts";
import { MemoryRepository } from "../../helpers/memory-repository.ts";
import { type TestUser, type TestWeb, serveWeb } from "../../helpers/web-server.ts";

const base = realpathSync(mkdtempSync(join(tmpdir(), "forge-restores-")));
const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, user: "", group: "" };
/** The place everything was backed up from, which is on this machine. */
const home: string = join(base, "home");
let memory: MemoryRepository;
let web: TestWeb;
let user: TestUser;

/** `entries` at the absolute path of `home`. */
function atHome(entries: readonly ExpectedEntry[]): ExpectedEntry {
  let children = entries;
  for (const name of home.split("/").slice(1).reverse()) {
    children = [directory(name, children, { ...owner, mode: 0o750 })];
  }
  return directory("", children);
}

beforeAll(async () => {
  memory = await MemoryRepository.create();
  await memory.addSnapshot(
    atHome([
      file("notes.txt", "old notes", owner),
      file(new Uint8Array([0x66, 0xff]), "bytes", owner),
      directory(
        "docs",
        [
          file("a.txt", "of a", owner),
          file("b.txt", "of b", owner),
          symlink("link", "a.txt"),
          directory("deep", [file("c.txt", "of c", owner)], owner),
        ],
        owner,
      ),
      directory("other", [file("a.txt", "another a", owner)], owner),
    ]),
  );
  web = await serveWeb(memory, { restorePolicy: await anywhere() });
  user = await web.logIn();
});
afterAll(async () => {
  await web.close();
  rmSync(base, { recursive: true });
});

function anywhere(): ReturnType<typeof createRestorePolicy> {
  return createRestorePolicy({ roots: [], isLoopback: true, repository: undefined });
}

function request(paths: readonly string[], given: Partial<RestoreRequest> = {}): RestoreRequest {
  return {
    snapshotId: "latest",
    paths: paths.map((path) => join(home.slice(1), path)),
    overwrite: "if-changed",
    dryRun: false,
    verify: false,
    ...given,
  };
}

async function begin(body: unknown, who = user): Promise<RestoreJob> {
  const answer = await who.send("POST", "/api/restores", body);
  expect(answer.status, answer.text).toBe(202);
  return JSON.parse(answer.text) as RestoreJob;
}

/** Until it is no longer running. */
async function ended({ id }: RestoreJob, who = user): Promise<RestoreJob> {
  for (;;) {
    const job = await who.json<RestoreJob>(`/api/restores/${id}`);
    if (job.state !== "running") return job;
    await sleep(5);
  }
}

function freshFolder(): string {
  return mkdtempSync(join(base, "target-"));
}

describe("a restore into a folder", () => {
  test("puts the selected entries there under their own names, and tells what it did", async () => {
    const target = join(freshFolder(), "new", "folder");
    const job = await ended(
      await begin(request(["docs", "notes.txt", "docs/a.txt"], { target, verify: true })),
    );
    expect(job).toMatchObject({
      state: "done",
      target,
      items: [`${home}/docs`, `${home}/notes.txt`],
      itemCount: 2,
      progress: { filesDone: 4, filesTotal: 4, counting: false, problems: 0 },
      result: { files: 4, directories: 2, others: 1, unchanged: 0, verified: 4, bytes: 21 },
    });
    expect(job.result?.created.paths).toContain(`${target}/docs/deep/c.txt`);
    expect(job.result?.created.count).toBe(5);
    expect(readFileSync(join(target, "docs/deep/c.txt"), "utf8")).toBe("of c");
    expect(statSync(target).mode & 0o777).toBe(0o755);
  });

  test("keeps entries of one name apart", async () => {
    const target = freshFolder();
    await ended(await begin(request(["docs/a.txt", "other/a.txt"], { target })));
    expect(readFileSync(join(target, "a.txt"), "utf8")).toBe("of a");
    expect(readFileSync(join(target, "a (2).txt"), "utf8")).toBe("another a");
  });

  test("is planned without touching anything, and says what would be replaced and read", async () => {
    const target = freshFolder();
    writeFileSync(join(target, "notes.txt"), "newer");
    const plan = await ended(await begin(request(["docs", "notes.txt"], { target, dryRun: true })));
    expect(plan.result).toMatchObject({
      files: 4,
      bytes: 21,
      replaced: { count: 1, paths: [`${target}/notes.txt`] },
      created: { count: 4 },
    });
    expect(plan.result?.fetch?.packs).toBe(1);
    expect(plan.result?.fetch?.bytes).toBeGreaterThan(20);
    expect(readdirSync(target)).toEqual(["notes.txt"]);
    const listed = await user.json<RestoreJob[]>("/api/restores");
    expect(listed.some(({ id }) => id === plan.id)).toBe(false);
  });

  test("leaves what is there alone when that was asked for", async () => {
    const target = freshFolder();
    writeFileSync(join(target, "notes.txt"), "mine");
    const job = await ended(await begin(request(["notes.txt"], { target, overwrite: "never" })));
    expect(job.result).toMatchObject({ files: 0, kept: { count: 1 } });
    expect(readFileSync(join(target, "notes.txt"), "utf8")).toBe("mine");
    const again = await ended(await begin(request(["notes.txt"], { target })));
    expect(again.result).toMatchObject({ files: 1, replaced: { count: 1 } });
    const right = await ended(await begin(request(["notes.txt"], { target })));
    expect(right.result).toMatchObject({ files: 0, unchanged: 1 });
  });

  test("tells of each entry that could not be restored, and restores the others", async () => {
    const target = freshFolder();
    mkdirSync(join(target, "docs"));
    symlinkSync("/", join(target, "docs/deep"));
    const job = await ended(await begin(request(["docs"], { target })));
    expect(job.state).toBe("done");
    expect(job.result).toMatchObject({ problemCount: 1, files: 2 });
    expect(job.result?.problems[0]?.path).toBe(`${target}/docs/deep`);
    expect(existsSync("/c.txt")).toBe(false);
  });
});

describe("a restore to where it came from", () => {
  test("writes the selected entries and nothing else", async () => {
    mkdirSync(join(home, "docs"), { recursive: true });
    utimesSync(join(home, "docs"), 1000, 1000);
    const before = statSync(home);
    const job = await ended(await begin(request(["docs/a.txt", "notes.txt"])));
    expect(job.target).toBeUndefined();
    expect(job.result).toMatchObject({ files: 2, problemCount: 0 });
    expect(readdirSync(home).sort()).toEqual(["docs", "notes.txt"]);
    expect(readdirSync(join(home, "docs"))).toEqual(["a.txt"]);
    // The folder was not selected: its rights stay, though the snapshot has others.
    expect(statSync(home).mode).toBe(before.mode);
    rmSync(home, { recursive: true });
  });

  test("makes folders that are gone, with the rights they had", async () => {
    const job = await ended(await begin(request(["docs/deep"])));
    expect(job.result).toMatchObject({ files: 1, problemCount: 0 });
    expect(readFileSync(join(home, "docs/deep/c.txt"), "utf8")).toBe("of c");
    rmSync(home, { recursive: true });
  });

  test("reaches names that are no text", async () => {
    const path = `${home.slice(1)}/f%FF`;
    const job = await ended(await begin({ ...request([]), paths: [path] }));
    expect(job.result).toMatchObject({ files: 1, problemCount: 0 });
    const name = Buffer.concat([Buffer.from(`${home}/f`), Buffer.from([0xff])]);
    expect(readFileSync(name, "utf8")).toBe("bytes");
    rmSync(home, { recursive: true });
  });
});

describe("a restore that may not be", () => {
  test("elsewhere than in the allowed folders", async () => {
    const allowed = freshFolder();
    const outside = freshFolder();
    symlinkSync(outside, join(allowed, "out"));
    const restorePolicy = await createRestorePolicy({
      roots: [allowed],
      isLoopback: false,
      repository: undefined,
    });
    const other = await serveWeb(memory, { restorePolicy });
    try {
      const person = await other.logIn();
      const statusFor = async (target: string | undefined): Promise<number> =>
        (await person.send("POST", "/api/restores", request(["notes.txt"], { target }))).status;
      expect(await statusFor(undefined)).toBe(403);
      expect(await statusFor(outside)).toBe(403);
      expect(await statusFor(join(allowed, "out"))).toBe(403);
      expect(await statusFor(`${allowed}/../elsewhere`)).toBe(403);
      expect(await statusFor("relative")).toBe(400);
      expect(await statusFor(join(allowed, "in"))).toBe(202);
      expect(readdirSync(outside)).toEqual([]);
    } finally {
      await other.close();
    }
  });

  test.each([
    [{ ...request([]) }, 400],
    [{ ...request(["notes.txt"]), overwrite: "maybe" }, 400],
    [{ ...request(["notes.txt"]), dryRun: "no" }, 400],
    [{ ...request(["notes.txt"]), target: 7 }, 400],
    [request(["nothing"]), 404],
  ])("is refused: %j", async (body, status) => {
    expect((await user.send("POST", "/api/restores", body)).status).toBe(status);
  });

  test("does not exist under another id", async () => {
    expect((await user.ask("/api/restores/nothing")).status).toBe(404);
    expect((await user.send("DELETE", "/api/restores/nothing")).status).toBe(404);
  });
});

describe("a restore that takes long", () => {
  let open: () => void = () => undefined;
  let isGated = false;
  let slow: TestWeb;
  let person: TestUser;

  beforeAll(async () => {
    // Every read of the packs of data waits until it is let through.
    const gate = new Promise<void>((resolve) => (open = resolve));
    slow = await serveWeb(memory, { restorePolicy: await anywhere() });
    const { backend } = slow.context.repository;
    const read = backend.read.bind(backend);
    backend.read = async (...given) => {
      if (given[0].kind === "packs" && isGated) await gate;
      return read(...given);
    };
    person = await slow.logIn();
    // Folders are in memory after this.
    const target = join(base, "nowhere");
    await ended(
      await begin(request(["docs", "notes.txt"], { target, dryRun: true }), person),
      person,
    );
    isGated = true;
  });
  afterAll(() => slow.close());

  test("is seen by others, keeps its place, and stops when it is cancelled", async () => {
    const target = freshFolder();
    const folder = join(target, "inner");
    const job = await begin(request(["docs"], { target: folder }), person);
    expect(job.state).toBe("running");
    const colleague = await slow.logIn();
    expect(await colleague.json<RestoreJob[]>("/api/restores")).toMatchObject([{ id: job.id }]);
    for (const clash of [folder, target, join(folder, "docs")]) {
      const again = await person.send(
        "POST",
        "/api/restores",
        request(["notes.txt"], { target: clash }),
      );
      expect(again.status).toBe(409);
      expect(again.text).toContain("another restore is writing there");
    }
    const plan = request(["notes.txt"], { target: folder, dryRun: true });
    expect((await person.send("POST", "/api/restores", plan)).status).toBe(202);
    const cancelled = await person.send("DELETE", `/api/restores/${job.id}`);
    expect(cancelled.status).toBe(200);
    open();
    const done = await ended(job, person);
    expect(done.state).toBe("cancelled");
    expect(done.result).toBeDefined();
    expect(slow.context.untilEnd.size).toBeLessThan(2);
  });
});

test("what is below a selected path is taken, what leads there is looked into", () => {
  const parts = (path: string): ReturnType<typeof utf8>[] => path.split("/").map(utf8);
  const select = selectOf([parts("a/b"), parts("c")]);
  const folder = memoryDirectory("x", []);
  const choices = ["a", "a/b", "a/b/x", "a/c", "c", "d"].map((path) =>
    select?.(parts(path), folder),
  );
  expect(choices).toEqual(["look-inside", "take", "take", "skip", "take", "skip"]);
  expect(selectOf([[]])).toBeUndefined();
});
