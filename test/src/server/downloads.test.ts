/** Folders and selections as one archive: prepared, fetched, gone on with after a cut. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DownloadPlan } from "../../../src/server/api.ts";
import { type ExpectedEntry, directory, file, symlink } from "../../helpers/expected-tree.ts";
import { MemoryRepository } from "../../helpers/memory-repository.ts";
import { SeededRandom } from "../../helpers/seeded-random.ts";
import { type TestUser, type TestWeb, serveWeb } from "../../helpers/web-server.ts";
import type { Answer } from "../../helpers/webdav-server.ts";

const big = new SeededRandom(3).bytes(300_000);
const many = Array.from({ length: 400 }, (_, i) => file(`file ${i}.txt`, `content ${i}\n`));
const tree: ExpectedEntry = directory("", [
  directory("home", [
    directory("ada", [
      file("notes.txt", "of ada"),
      file("big.bin", big, { chunkBytes: 20_000 }),
      directory("photos", [file("1.jpg", "jpg"), symlink("last", "1.jpg")]),
      directory("many", many),
    ]),
    directory("bob", [file("notes.txt", "of bob"), directory("photos", [file("2.jpg", "jpg2")])]),
  ]),
  file(new Uint8Array([0x66, 0xff]), "bytes"),
]);
let folder = "";
let web: TestWeb;
let user: TestUser;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "forge-downloads-"));
  const memory = await MemoryRepository.create();
  await memory.addSnapshot(tree);
  web = await serveWeb(memory);
  user = await web.logIn();
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await web.close();
});

async function prepare(
  paths: readonly string[],
  format: "zip" | "tar" = "zip",
  who = user,
): Promise<DownloadPlan> {
  const answer = await who.send("POST", "/api/downloads", { snapshotId: "latest", paths, format });
  expect(answer.status, answer.text).toBe(200);
  return JSON.parse(answer.text) as DownloadPlan;
}

/** Unpacks and reads by name. */
function unpacked(answer: Answer, format: "zip" | "tar"): (name: string) => string {
  const out = mkdtempSync(join(folder, "out-"));
  const archive = join(out, `archive.${format}`);
  writeFileSync(archive, answer.bytes);
  if (format === "zip") {
    execFileSync("unzip", ["-tqq", archive]);
    const env = { ...process.env, LC_ALL: "C.UTF-8" };
    execFileSync("unzip", ["-qq", archive, "-d", out], { env });
  } else execFileSync("tar", ["xf", archive, "-C", out, "--no-same-owner"]);
  return (name) => readFileSync(join(out, name), "utf8");
}

describe("a ZIP of a selection", () => {
  test("has the announced length, everything that was selected, once, and a safe name", async () => {
    const paths = ["home/ada/notes.txt", "home/ada/photos", "home/ada/photos/1.jpg", "f%FF"];
    const plan = await prepare(paths);
    expect(plan).toMatchObject({
      files: 3,
      directories: 1,
      fileName: expect.any(String) as string,
    });
    const answer = await user.ask(plan.href);
    expect(answer.status).toBe(200);
    expect(answer.bytes.length).toBe(plan.sizeBytes);
    expect(answer.headers).toMatchObject({
      "content-length": String(plan.sizeBytes),
      "content-type": "application/zip",
      "accept-ranges": "bytes",
      "x-content-type-options": "nosniff",
      "content-security-policy": "sandbox; default-src 'none'",
    });
    expect(answer.headers["content-disposition"]).toMatch(/^attachment; /);
    const read = unpacked(answer, "zip");
    expect(read("notes.txt")).toBe("of ada");
    expect(read("photos/1.jpg")).toBe("jpg");
    expect(read("f_xff")).toBe("bytes");
  });

  test("keeps two entries of one name from different folders apart", async () => {
    const names = ["notes.txt", "photos"];
    const paths = names.flatMap((name) => [`home/ada/${name}`, `home/bob/${name}`]);
    const plan = await prepare(paths);
    expect(plan.fileName).toBe("home.zip");
    const read = unpacked(await user.ask(plan.href), "zip");
    expect(read("notes.txt")).toBe("of ada");
    expect(read("notes (2).txt")).toBe("of bob");
    expect(read("photos/1.jpg")).toBe("jpg");
    expect(read("photos (2)/2.jpg")).toBe("jpg2");
  });

  test("of everything begins at the top", async () => {
    const plan = await prepare([""]);
    expect(plan.fileName).toMatch(/^snapshot-[0-9a-f]{8}\.zip$/);
    expect(unpacked(await user.ask(plan.href), "zip")("home/bob/notes.txt")).toBe("of bob");
  });

  test("goes on where it was cut, also from another session", async () => {
    const plan = await prepare(["home/ada"]);
    const whole = await user.ask(plan.href);
    const etag = whole.headers.etag ?? "";
    expect(etag).toMatch(/^"zip-/);
    const cut = Math.floor(whole.bytes.length * 0.4);
    const range = { range: `bytes=${cut}-`, "if-range": etag };
    const rest = await user.ask(plan.href, { headers: range });
    expect(rest.status).toBe(206);
    expect(rest.headers["content-range"]).toBe(
      `bytes ${cut}-${whole.bytes.length - 1}/${whole.bytes.length}`,
    );
    expect(whole.bytes.subarray(cut).equals(rest.bytes)).toBe(true);

    const other = await web.logIn();
    expect((await other.ask(plan.href)).status).toBe(404);
    const again = await prepare(["/home//ada", "home/ada/notes.txt"], "zip", other);
    expect(again.href).toBe(plan.href);
    expect((await other.ask(again.href, { headers: range })).status).toBe(206);
  });

  test("answers conditions, wrong ranges and HEAD as a file does", async () => {
    const { href, sizeBytes } = await prepare(["home/bob"]);
    const head = await user.ask(href, { method: "HEAD" });
    expect(head.headers["content-length"]).toBe(String(sizeBytes));
    expect(head.bytes.length).toBe(0);
    const etag = head.headers.etag ?? "";
    expect((await user.ask(href, { headers: { "if-none-match": etag } })).status).toBe(304);
    expect((await user.ask(href, { headers: { range: "bytes=9999999-" } })).status).toBe(416);
    const stale = { range: "bytes=5-9", "if-range": '"zip-other"' };
    expect((await user.ask(href, { headers: stale })).status).toBe(200);
    const two = await user.ask(href, { headers: { range: "bytes=0-3,200-203" } });
    expect(two.headers["content-type"]).toMatch(/^multipart\/byteranges/);
  });
});

describe("a tar of a selection", () => {
  test("is streamed with everything in it", async () => {
    const plan = await prepare(["home/ada", "home/bob/notes.txt"], "tar");
    expect(plan).toMatchObject({ files: 404, directories: 3 });
    expect(plan.sizeBytes).toBeUndefined();
    const answer = await user.ask(plan.href);
    expect(answer.headers).toMatchObject({
      "content-type": "application/x-tar",
      "accept-ranges": "none",
    });
    const read = unpacked(answer, "tar");
    expect(read("ada/many/file 399.txt")).toBe("content 399\n");
    expect(read("notes.txt")).toBe("of bob");
    expect((await user.ask(plan.href, { method: "HEAD" })).bytes.length).toBe(0);
  });
});

describe("a download that cannot be", () => {
  test.each([
    [{ snapshotId: "latest", paths: ["home/nobody"], format: "zip" }, 404],
    [{ snapshotId: "latest", paths: ["../etc"], format: "zip" }, 400],
    [{ snapshotId: "latest", paths: [], format: "zip" }, 400],
    [{ snapshotId: "latest", paths: [7], format: "zip" }, 400],
    [{ snapshotId: "latest", paths: ["home"], format: "rar" }, 400],
    [{ snapshotId: "0123456789", paths: ["home"], format: "zip" }, 404],
    [[], 400],
  ])("is refused: %j", async (body, status) => {
    expect((await user.send("POST", "/api/downloads", body)).status).toBe(status);
  });

  test("names that lead elsewhere do not exist", async () => {
    expect((await user.ask("/api/downloads/..%2f..%2fetc/passwd")).status).toBe(404);
  });
});
