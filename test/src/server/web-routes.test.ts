/** What the routes of the file browser answer, over real trees in a repository in memory. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { utf8 } from "../../../engine/base/bytes.ts";
import { ForgeError } from "../../../engine/base/errors.ts";
import type {
  EntryDetails,
  FolderPage,
  SnapshotList,
  TextPreview,
} from "../../../src/server/api.ts";
import {
  directory,
  expectBytes,
  file,
  noise,
  special,
  symlink,
} from "../../helpers/expected-tree.ts";
import { MemoryRepository } from "../../helpers/memory-repository.ts";
import { type TestUser, type TestWeb, serveWeb } from "../../helpers/web-server.ts";

const MANY = 12_000;
const HOUR_NS = 3_600_000_000_000n;
const START_NS = 1_700_000_000_000_000_000n;
const BIG = noise(300_000);
let memory: MemoryRepository;
let web: TestWeb;
let user: TestUser;

beforeAll(async () => {
  memory = await MemoryRepository.create();
  await memory.addSnapshot(directory("", [file("old.txt", "old")]), { timeNs: START_NS });
  await memory.addSnapshot(
    directory("", [
      directory(
        "many",
        Array.from({ length: MANY }, (_, i) => file(`f${String(i).padStart(6, "0")}`, "x")),
      ),
      directory("kinds", [
        file("a.txt", "hello", {
          mode: 0o4755,
          mtimeNs: -1n,
          linkCount: 2,
          xattrs: [
            { name: utf8("user.big"), value: new Uint8Array(5000).fill(0x61) },
            { name: utf8("user.bytes"), value: new Uint8Array([0, 0xff]) },
          ],
        }),
        file("big.bin", BIG),
        file(new Uint8Array([0x66, 0xff, 0x6f]), "not UTF-8"),
        file("nobody", "x", { user: "", group: "", uid: 5, gid: 6 }),
        symlink("link", "a.txt"),
        symlink("dangling", "nowhere"),
        special("device", "block-device", { deviceMajor: 259, deviceMinor: 70_000 }),
        special("pipe", "fifo"),
        directory("empty", []),
      ]),
      directory("text", [
        file("utf8.txt", "Grüße 😀"),
        file("mark.txt", new Uint8Array([0xef, 0xbb, 0xbf, ...utf8("marked")])),
        file("utf16.txt", new Uint8Array([0xff, 0xfe, 0x41, 0, 0x3d, 0xd8, 0, 0xde])),
        file("latin1.txt", new Uint8Array([0x47, 0x72, 0xfc, 0xdf, 0x65])),
        file("binary", new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 0, 1, 2, 3])),
        file("empty", ""),
        file("long.txt", "0123456789ä".repeat(200_000), { chunkBytes: 1_200_000 }),
      ]),
      file("huge.bin", noise(8_000_000), { chunkBytes: 2_000_000 }),
      directory("media", [
        file("song.mp3", "ID3"),
        file("film.mp4", "...."),
        file("scan.tif", "II*\0"),
        file("paper.pdf", "%PDF-1.7\n"),
        file("photo.JPG", new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 0])),
        file("really-a-png.jpg", new Uint8Array([0x89, ...utf8("PNG\r\n"), 0x1a, 0x0a])),
        file("archive.zip", "PK"),
        file("program", new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 0])),
        file("notes.md", "# notes"),
        file("Makefile", "all:\n"),
      ]),
    ]),
    { timeNs: START_NS + HOUR_NS, hostname: "laptop", tags: ["daily"], label: "work" },
  );
  web = await serveWeb(memory);
  user = await web.logIn();
});
afterAll(() => web.close());

const at = (route: string, path: string): string => `/api/snapshots/latest/${route}/${path}`;

describe("snapshots", () => {
  test("the newest first, and new ones within seconds", async () => {
    const { snapshots, problems } = await user.json<SnapshotList>("/api/snapshots");
    expect(problems).toEqual([]);
    expect(snapshots.map(({ hostname }) => hostname)).toEqual(["laptop", "host"]);
    expect(snapshots[0]).toMatchObject({
      timeMs: 1_700_003_600_000,
      tags: ["daily"],
      label: "work",
      paths: [{ name: "/", path: "" }],
      stats: { files: 1, bytesStored: 100 },
    });
    expect(snapshots[0]?.shortId).toBe(snapshots[0]?.id.slice(0, 8));
    const added = await memory.addSnapshot(directory("", []), { timeNs: START_NS + 1n });
    expect((await user.json<SnapshotList>("/api/snapshots")).snapshots).toHaveLength(2);
    // Asked for by its id it is there at once.
    const page = await user.json<FolderPage>(`/api/snapshots/${added.id}/folder/`);
    expect(page).toMatchObject({ snapshotId: added.id, crumbs: [], entries: [] });
    web.clock.ms += 5000;
    expect((await user.json<SnapshotList>("/api/snapshots")).snapshots).toHaveLength(3);
  });

  test("by latest, by number and by the beginning of an id", async () => {
    const { snapshots } = await user.json<SnapshotList>("/api/snapshots");
    const [newest] = snapshots;
    for (const reference of ["latest", newest?.id ?? "", newest?.shortId ?? ""]) {
      const page = await user.json<FolderPage>(`/api/snapshots/${reference}/folder/`);
      expect(page.snapshotId).toBe(newest?.id);
    }
    const other = await user.json<FolderPage>("/api/snapshots/latest~1/folder/");
    expect(other.snapshotId).toBe(snapshots[1]?.id);
    expect((await user.ask(`/api/snapshots/${"0".repeat(64)}/folder/`)).status).toBe(404);
    expect((await user.ask("/api/snapshots/nonsense/folder/")).status).toBe(400);
  });

  test("those that a filter leaves out do not exist", async () => {
    const { snapshots } = await user.json<SnapshotList>("/api/snapshots");
    const hidden = snapshots.find(({ hostname }) => hostname === "host");
    const filtered = await serveWeb(memory, { filter: { hosts: ["laptop"] } });
    const person = await filtered.logIn();
    expect((await person.json<SnapshotList>("/api/snapshots")).snapshots).toHaveLength(1);
    expect((await person.ask(`/api/snapshots/${hidden?.id ?? ""}/folder/`)).status).toBe(404);
    await filtered.close();
  });
});

describe("folders", () => {
  test("page by page, each entry once", async () => {
    const names: string[] = [];
    for (let from: number | undefined = 0; from !== undefined;) {
      const path = at("folder", `many?from=${from}&limit=5000`);
      const page: FolderPage = await user.json<FolderPage>(path);
      names.push(...page.entries.map(({ name }) => name));
      from = page.next;
    }
    expect(names).toHaveLength(MANY);
    expect(new Set(names).size).toBe(MANY);
    expect(names).toEqual(names.toSorted());
    const all = await user.json<FolderPage>(at("folder", "many?limit=100000"));
    expect(all.entries.map(({ name }) => name)).toEqual(names);
    expect(all.next).toBeUndefined();
    expect((await user.json<FolderPage>(at("folder", "many"))).entries).toHaveLength(5000);
    expect((await user.json<FolderPage>(at("folder", "many?from=999999"))).entries).toEqual([]);
    const odd = await user.json<FolderPage>(at("folder", "many?from=-1&limit=0"));
    expect(odd.entries).toHaveLength(1);
  });

  test("entries with all that a list shows", async () => {
    const { crumbs, entries } = await user.json<FolderPage>(at("folder", "kinds"));
    expect(crumbs).toEqual([{ name: "kinds", path: "kinds" }]);
    const byKey = Object.fromEntries(entries.map((entry) => [entry.key, entry]));
    expect(byKey["a.txt"]).toEqual({
      name: "a.txt",
      key: "a.txt",
      type: "file",
      sizeBytes: 5,
      mtimeMs: -1,
      mode: 0o4755,
      owner: "alice:users",
    });
    expect(byKey["f%FFo"]).toMatchObject({ name: "f\\xffo", sizeBytes: 9 });
    expect(byKey["nobody"]?.owner).toBe("5:6");
    expect(byKey["link"]).toMatchObject({ type: "symlink", target: "a.txt", sizeBytes: 0 });
    expect(byKey["pipe"]?.type).toBe("fifo");
    expect(byKey["empty"]?.type).toBe("directory");
  });

  test("what is none is not one", async () => {
    expect((await user.ask(at("folder", "kinds/a.txt"))).status).toBe(404);
    expect((await user.ask(at("folder", "kinds/link"))).status).toBe(404);
    const answer = await user.ask(at("folder", "kinds/none"));
    expect(answer.status).toBe(404);
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code: "not-found" } });
  });

  test("one that cannot be read fails with its cause, and is not empty", async () => {
    let failing = true;
    const read: MemoryRepository["backend"]["read"] = (ref, options) =>
      failing
        ? Promise.reject(new ForgeError("io", "Cannot read a pack: the disk is on fire"))
        : memory.backend.read(ref, options);
    const broken = await serveWeb(memory, { packs: { read } });
    const person = await broken.logIn();
    const answer = await person.ask(at("folder", "kinds"));
    expect(answer.status).toBe(500);
    const message = "Cannot read a pack: the disk is on fire";
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code: "io" } });
    expect(answer.text).toContain(message);
    expect(broken.errors).toHaveLength(1);
    failing = false;
    expect((await person.ask(at("folder", "kinds"))).status).toBe(200);
    await broken.close();
  });

  test("a file that cannot be read: an honest status, or a broken connection, never a shorter file", async () => {
    let allowed = Number.POSITIVE_INFINITY;
    const read: MemoryRepository["backend"]["read"] = (ref, options) =>
      allowed-- > 0
        ? memory.backend.read(ref, options)
        : Promise.reject(new ForgeError("corrupt", "the seal does not fit"));
    const broken = await serveWeb(memory, { packs: { read } });
    const person = await broken.logIn();
    expect((await person.ask(at("folder", "text"))).status).toBe(200);
    allowed = 0;
    const answer = await person.ask(at("file", "text/long.txt"));
    expect(answer.status).toBe(500);
    expect(answer.headers).not.toHaveProperty("content-disposition");
    expect(answer.headers).not.toHaveProperty("etag");
    expect(answer.headers["content-type"]).toBe("application/json");
    expect((await person.ask(at("text", "text/long.txt"))).status).toBe(500);
    // Details are told although the beginning cannot be looked at.
    const details = await person.json<EntryDetails>(at("entry", "text/long.txt"));
    expect(details.preview).toBe("text");
    // With the beginning in memory and the rest out of reach, the answer has begun when it fails.
    allowed = 1;
    const headers = { range: "bytes=0-9" };
    expect((await person.ask(at("file", "huge.bin"), { headers })).status).toBe(206);
    allowed = 0;
    const outcome = await person.ask(at("file", "huge.bin")).then(
      ({ status, bytes }) => `${status} with ${bytes.length} bytes`,
      () => "broken",
    );
    expect(outcome).toBe("broken");
    await broken.close();
  });
});

describe("one entry", () => {
  const entry = (path: string): Promise<EntryDetails> => user.json<EntryDetails>(at("entry", path));

  test("with everything that is known of it", async () => {
    const details = await entry("kinds/a.txt");
    expect(details).toMatchObject({
      crumbs: [
        { name: "kinds", path: "kinds" },
        { name: "a.txt", path: "kinds/a.txt" },
      ],
      uid: 1000,
      gid: 1000,
      mtimeNs: "-1",
      ctimeNs: "1700000001000000001",
      linkCount: 2,
      allocatedBytes: 512,
      crc32: "3610a686",
      preview: "text",
      contentType: "text/plain; charset=utf-8",
    });
    expect(details.xattrs).toEqual([
      { name: "user.big", value: `${"a".repeat(4096)}…` },
      { name: "user.bytes", value: "\\x00\\xff" },
    ]);
    expect((await entry("kinds/device")).device).toEqual({ major: 259, minor: 70_000 });
    expect((await entry("kinds/link")).targetPath).toBe("kinds/a.txt");
    expect((await entry("kinds/dangling")).targetPath).toBeUndefined();
    expect((await entry("kinds/f%FFo")).entry.key).toBe("f%FFo");
    expect((await entry("")).crumbs).toEqual([]);
  });

  test.each([
    ["media/song.mp3", "audio", "audio/mpeg"],
    ["media/film.mp4", "video", "video/mp4"],
    ["media/scan.tif", "none", "image/tiff"],
    ["media/paper.pdf", "pdf", "application/pdf"],
    ["media/photo.JPG", "image", "image/jpeg"],
    ["media/really-a-png.jpg", "image", "image/png"],
    ["media/archive.zip", "none", "application/zip"],
    ["media/program", "none", "application/octet-stream"],
    ["media/notes.md", "text", "text/plain; charset=utf-8"],
    ["media/Makefile", "text", "application/octet-stream"],
  ])("%s is shown as %s", async (path, preview, contentType) => {
    expect(await entry(path)).toMatchObject({ preview, contentType });
    const answer = await user.ask(`${at("file", path)}?inline`);
    expect(answer.headers["content-type"]).toBe(contentType);
    const shown = ["image", "audio", "video"].includes(preview);
    expect(answer.headers["content-disposition"]).toMatch(shown ? /^inline;/ : /^attachment;/);
    const saved = await user.ask(at("file", path));
    expect(saved.headers["content-disposition"]).toMatch(/^attachment;/);
  });
});

describe("content", () => {
  test("whole, in ranges, and not again when it is the same", async () => {
    const whole = await user.ask(at("file", "kinds/big.bin"));
    expectBytes(new Uint8Array(whole.bytes), BIG);
    const { etag = "" } = whole.headers;
    const ask = (headers: Record<string, string>): ReturnType<TestUser["ask"]> =>
      user.ask(at("file", "kinds/big.bin"), { headers });
    const part = await ask({ range: "bytes=1000-1999", "if-range": etag });
    expect(part.status).toBe(206);
    expectBytes(new Uint8Array(part.bytes), BIG.slice(1000, 2000));
    expect((await ask({ range: "bytes=-5" })).headers["content-range"]).toBe(
      "bytes 299995-299999/300000",
    );
    expect((await ask({ range: "bytes=300000-" })).status).toBe(416);
    expect((await ask({ "if-none-match": etag })).status).toBe(304);
    expect((await ask({ range: "bytes=0-0", "if-range": '"other"' })).status).toBe(200);
  });

  test("folders, links and devices have none", async () => {
    for (const path of ["kinds", "kinds/link", "kinds/device", "kinds/pipe", ""]) {
      expect((await user.ask(at("file", path))).status, path).toBe(404);
      expect((await user.ask(at("text", path))).status, path).toBe(404);
    }
  });
});

describe("text", () => {
  const text = (path: string): Promise<TextPreview> => user.json<TextPreview>(at("text", path));

  test("in the encodings that there are", async () => {
    expect(await text("text/utf8.txt")).toMatchObject({ text: "Grüße 😀", encoding: "utf-8" });
    expect(await text("text/mark.txt")).toMatchObject({ text: "marked", encoding: "utf-8" });
    expect(await text("text/utf16.txt")).toMatchObject({ text: "A😀", encoding: "utf-16le" });
    expect(await text("text/latin1.txt")).toMatchObject({ text: "Grüße", encoding: "latin1" });
    expect(await text("text/binary")).toMatchObject({ text: "", binary: true, sizeBytes: 8 });
    expect(await text("text/empty")).toMatchObject({ text: "", binary: false, shownBytes: 0 });
  });

  test("cut at a megabyte or earlier, and never inside a character", async () => {
    const long = await text("text/long.txt");
    expect(long.sizeBytes).toBe(2_400_000);
    expect(long.encoding).toBe("utf-8");
    expect(long.shownBytes).toBeLessThanOrEqual(1024 * 1024);
    expect(long.shownBytes).toBe(utf8(long.text).length);
    expect(await text("text/long.txt?limit=11")).toMatchObject({
      text: "0123456789",
      shownBytes: 10,
    });
    expect((await text("text/long.txt?limit=999999999")).shownBytes).toBe(long.shownBytes);
  });
});

describe("a client that goes away", () => {
  test("leaves nothing running and no complaint", async () => {
    const controller = new AbortController();
    const url = `http://127.0.0.1:${web.port}${at("folder", "many?limit=100000")}`;
    const answer = await fetch(url, {
      headers: { cookie: user.cookie },
      signal: controller.signal,
    });
    controller.abort();
    await expect(answer.text()).rejects.toThrow();
    expect((await user.ask("/api/snapshots")).status).toBe(200);
    expect(web.errors).toEqual([]);
  });
});
