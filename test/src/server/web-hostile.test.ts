/** Hostile names and contents through every route: the headers of each answer, and what is in it. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { toHex } from "../../../engine/base/bytes.ts";
import type { EntryDetails, FolderPage, TextPreview } from "../../../src/server/api.ts";
import { directory, file } from "../../helpers/expected-tree.ts";
import { hostileFiles, hostileNames } from "../../helpers/hostile-names.ts";
import { MemoryRepository } from "../../helpers/memory-repository.ts";
import { testSeed } from "../../helpers/seeded-random.ts";
import { type TestUser, type TestWeb, serveWeb } from "../../helpers/web-server.ts";

const seed = testSeed();
const names = hostileNames(seed);
const files = hostileFiles();
let web: TestWeb;
let user: TestUser;

beforeAll(async () => {
  const memory = await MemoryRepository.create();
  await memory.addSnapshot(
    directory("", [
      directory(
        "names",
        names.map((name) => file(name, `<script>alert("${toHex(name)}")</script>`)),
      ),
      directory(
        "folders",
        names.map((name) => directory(name, [file("x", toHex(name))])),
      ),
      directory(
        "files",
        files.map(({ name, content }) => file(name, content)),
      ),
    ]),
    {
      hostname: "<img src=x onerror=alert(1)>",
      label: "\r\nSet-Cookie: x=1",
      tags: ["<script>alert(1)</script>"],
      paths: [new Uint8Array([0x2f, 0x2e, 0x2e, 0x2f, 0xff])],
    },
  );
  web = await serveWeb(memory);
  user = await web.logIn();
});
afterAll(() => web.close());

/** What must hold of whatever carries the content of a file. */
const FILE_HEADERS = {
  "x-content-type-options": "nosniff",
  "content-security-policy": "sandbox; default-src 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "cache-control": "private, no-cache",
  "x-frame-options": "DENY",
};
const DISPOSITION =
  /^(attachment|inline); filename="[A-Za-z0-9 ._-]+"; filename\*=UTF-8''[A-Za-z0-9%!~._-]+$/;
/** What a browser could run, style a page with, or lay out. */
const ACTIVE = /html|svg|xml|script|css|ecma|wasm|multipart|message/;

test(`300 names are listed, found and served inert, each as itself (seed ${seed})`, async () => {
  const page = await user.json<FolderPage>("/api/snapshots/latest/folder/names");
  expect(page.entries).toHaveLength(names.length);
  const contents = new Set<string>();
  for (const { key, name } of page.entries) {
    expect(key).toMatch(/^(?:[\w.~-]|%[0-9A-F]{2}|[!'()*])+$/);
    expect(name).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    for (const query of ["", "?inline", "?inline&x=../.."]) {
      const answer = await user.ask(`/api/snapshots/latest/file/names/${key}${query}`);
      expect(answer.status, key).toBe(200);
      expect(answer.headers).toMatchObject(FILE_HEADERS);
      expect(answer.headers["set-cookie"]).toBeUndefined();
      expect(answer.headers["content-disposition"]).toMatch(DISPOSITION);
      // All of them hold a script, whatever they are called: nothing of it is shown.
      expect(answer.headers["content-disposition"], key).toMatch(/^attachment/);
      expect(answer.headers["content-type"], key).not.toMatch(ACTIVE);
      contents.add(answer.text);
    }
    const details = await user.json<EntryDetails>(`/api/snapshots/latest/entry/names/${key}`);
    expect(details.entry.key).toBe(key);
    expect(details.crumbs.at(-1)?.path).toBe(`names/${key}`);
    const preview = await user.json<TextPreview>(`/api/snapshots/latest/text/names/${key}`);
    expect(contents).toContain(preview.text);
  }
  expect(contents.size).toBe(names.length);
  expect(web.errors).toEqual([]);
});

test("folders of such names are walked through by the keys they are listed with", async () => {
  const { entries } = await user.json<FolderPage>("/api/snapshots/latest/folder/folders");
  expect(entries).toHaveLength(names.length);
  const found = new Set<string>();
  for (const { key } of entries) {
    const inner = await user.json<FolderPage>(`/api/snapshots/latest/folder/folders/${key}`);
    expect(inner.crumbs.map(({ path }) => path)).toEqual(["folders", `folders/${key}`]);
    found.add((await user.ask(`/api/snapshots/latest/file/folders/${key}/x`)).text);
  }
  expect(found).toEqual(new Set(names.map(toHex)));
});

test("contents that want to run are never served as what could", async () => {
  for (const { name, content } of files) {
    for (const query of ["", "?inline"]) {
      const at = `/api/snapshots/latest/file/files/${encodeURIComponent(name)}${query}`;
      const answer = await user.ask(at);
      const whole = `${name}${query}`;
      expect(answer.status, whole).toBe(200);
      expect(answer.headers, whole).toMatchObject(FILE_HEADERS);
      expect(answer.headers["content-type"], whole).not.toMatch(ACTIVE);
      expect(new Uint8Array(answer.bytes), whole).toEqual(content);
      const disposition = answer.headers["content-disposition"] ?? "";
      // Shown is only what begins as a picture does, and then as that picture.
      if (disposition.startsWith("inline")) {
        expect(answer.headers["content-type"], whole).toMatch(/^image\/(png|gif)$|^video\/mp4$/);
        expect(query).toBe("?inline");
      }
    }
  }
  const kinds: Record<string, string> = {};
  for (const { name } of files) {
    const at = `/api/snapshots/latest/entry/files/${encodeURIComponent(name)}`;
    kinds[name] = (await user.json<EntryDetails>(at)).preview;
  }
  expect(kinds).toMatchObject({
    "page.html": "text",
    "picture.svg": "text",
    "script.js": "text",
    "page-as.png": "none",
    "svg-as.png": "none",
    "page-as.pdf": "none",
    "page-as.txt": "text",
    "page-without-end": "text",
    "png-as.html": "image",
    "png-as.svg": "image",
    "gif-and-script.gif": "image",
    "pdf-with-script.pdf": "pdf",
  });
});

test("a page cannot load a file as its script, style, worker or frame", async () => {
  const at = "/api/snapshots/latest/file/files/script.js?inline";
  const unwanted =
    "script style worker sharedworker serviceworker iframe frame embed object xslt manifest font";
  for (const dest of unwanted.split(" ")) {
    const headers = { "sec-fetch-dest": dest, "sec-fetch-site": "same-origin" };
    expect((await user.ask(at, { headers })).status, dest).toBe(403);
  }
  for (const dest of ["empty", "document", "image", "audio", "video"]) {
    const headers = { "sec-fetch-dest": dest, "sec-fetch-site": "same-origin" };
    expect((await user.ask(at, { headers })).status, dest).toBe(200);
  }
});

test("a snapshot's own words are data", async () => {
  const answer = await user.ask("/api/snapshots");
  expect(answer.headers["content-type"]).toBe("application/json");
  expect(answer.headers["set-cookie"]).toBeUndefined();
  const { snapshots } = JSON.parse(answer.text) as {
    snapshots: { paths: unknown; label: string }[];
  };
  expect(snapshots[0]).toMatchObject({
    hostname: "<img src=x onerror=alert(1)>",
    label: "\r\nSet-Cookie: x=1",
    paths: [{ name: "/../\\xff", path: "" }],
  });
});
