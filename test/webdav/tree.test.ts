import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Bytes, utf8 } from "../../engine/base/bytes.ts";
import {
  directory,
  file,
  liveDirectory,
  memoryFs,
  special,
  symlink,
} from "../helpers/memory-fs.ts";
import { type TestDrive, askRaw, hrefsOf, serveDrive } from "../helpers/webdav-server.ts";

const NOT_UTF8: Bytes = new Uint8Array([0x66, 0xff, 0x6f]);
const NAMES = [
  "with space",
  "a+b",
  "#hash",
  "why?",
  "100%",
  "%41",
  "%2e%2e",
  "back\\slash",
  "a&b<c>'d\"",
  "semi;colon,=@$!()*",
  "Grüße",
  "e\u0301 decomposed",
  "😀 emoji",
  "\u202eright to left",
  "العربية",
  "\ufeffmarked",
  "new\nline\ttab\r",
  "\u0001control\u0085",
  "<script>alert(1)<script>",
  "...",
  "..%2f..",
  " ",
  "n".repeat(255),
];
let drive: TestDrive;

beforeAll(async () => {
  const snapshot = directory("2026", [
    directory("names", [
      ...NAMES.map((name) => file(name, `content of ${name}`)),
      file(NOT_UTF8, "not UTF-8"),
      file(new Uint8Array([0x25, 0x20, 0xfe]), "with a percent"),
      directory(new Uint8Array([0xff]), [file("inside", "deep")]),
    ]),
    directory("taken", [file("%FF", "the text"), file(new Uint8Array([0xff]), "the byte")]),
    directory("links", [
      symlink("to-file", "target.txt"),
      symlink("absolute", "/names/a+b"),
      symlink("folder", "../links/real"),
      symlink("chain", "to-file"),
      symlink("dangling", "nowhere"),
      symlink("outside", "../../../../../etc/passwd"),
      symlink("etc", "/etc"),
      symlink("loop", "loop"),
      symlink("self", "."),
      symlink("up", ".."),
      symlink("root", "/"),
      symlink("through", "folder/inner.txt"),
      symlink("fifo-link", "fifo"),
      special("fifo", "fifo"),
      special("device", "char-device"),
      file("target.txt", "the target"),
      directory("real", [
        file("inner.txt", "inner"),
        symlink("other", "../more"),
        symlink("back", "../more/again"),
      ]),
      directory("more", [file("x", "x"), symlink("again", "../real")]),
    ]),
    file("secret", "of this snapshot"),
  ]);
  const times = liveDirectory("snapshots", () => [
    snapshot,
    symlink("latest", "2026", { immutable: false }),
  ]);
  drive = await serveDrive(memoryFs(liveDirectory("", () => [times])), "/drive");
});
afterAll(() => drive.close());

async function list(path: string): Promise<string[]> {
  const { status, text } = await drive.ask(`/drive${path}`, {
    method: "PROPFIND",
    headers: { depth: "1" },
  });
  expect(status).toBe(207);
  return hrefsOf(text)
    .slice(1)
    .map((href) => href.replace("/drive", ""));
}

async function read(path: string): Promise<string | number> {
  const { status, text } = await drive.ask(`/drive${path}`);
  return status === 200 ? text : status;
}

describe("names", () => {
  test("every link of a listing finds the file it stands for", async () => {
    const hrefs = await list("/snapshots/2026/names/");
    expect(hrefs).toHaveLength(NAMES.length + 3);
    const found: (string | number)[] = [];
    for (const href of hrefs.filter((href) => !href.endsWith("/"))) {
      expect(href).toMatch(/^[\w%/.~!()*'-]+$/);
      found.push(await read(href));
    }
    expect(found.toSorted()).toEqual(
      [...NAMES.map((name) => `content of ${name}`), "not UTF-8", "with a percent"].toSorted(),
    );
  });

  test("that are not UTF-8 have an ASCII alias, and are found as they are, too", async () => {
    const hrefs = await list("/snapshots/2026/names/");
    expect(hrefs).toContain("/snapshots/2026/names/f%25FFo");
    expect(hrefs).toContain("/snapshots/2026/names/%2525%2520%25FE");
    expect(hrefs).toContain("/snapshots/2026/names/%25FF/");
    expect(await read("/snapshots/2026/names/f%FFo")).toBe("not UTF-8");
    expect(await read("/snapshots/2026/names/%25FF/inside")).toBe("deep");
    expect(await list("/snapshots/2026/names/%25FF")).toEqual([
      "/snapshots/2026/names/%25FF/inside",
    ]);
  });

  test("an alias that is another file's name gives way to it", async () => {
    const hrefs = await list("/snapshots/2026/taken");
    expect(await Promise.all(hrefs.map(read))).toEqual(["the text", "the byte"]);
  });

  test("make well-formed XML and HTML, whatever is in them", async () => {
    const { text } = await drive.ask("/drive/snapshots/2026/names", {
      method: "PROPFIND",
      headers: { depth: "1" },
    });
    expect(text).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/);
    expect(text).not.toMatch(/&(?!(amp|lt|gt|quot|#\d+);)/);
    expect(text).toContain("<D:displayname>a&amp;b&lt;c&gt;&#39;d&quot;</D:displayname>");
    expect(text).toContain("<D:displayname>\ufffdcontrol&#133;</D:displayname>");
    const page = await drive.ask("/drive/snapshots/2026/names/");
    expect(page.text).not.toContain("<script");
    expect(page.text).toContain("&lt;script&gt;");
    expect(page.headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
    });
    expect(page.headers["content-security-policy"]).toMatch(
      /^default-src 'none'; style-src 'sha256-/,
    );
  });
});

describe("paths", () => {
  const inside = "/drive/snapshots/2026";
  test.each([
    [`${inside}/names/../secret`, 400],
    [`${inside}/names/%2e%2e/secret`, 400],
    [`${inside}/names/%2E./secret`, 400],
    [`${inside}/names/..%2fsecret`, 400],
    [`${inside}/names%2f..%2fsecret`, 400],
    [`${inside}/./secret`, 400],
    [`${inside}/secret%00`, 400],
    [`${inside}/%zz`, 400],
    [`${inside}/%`, 400],
    [`${inside}/%4`, 400],
    [`${inside}/..\\secret`, 404],
    [`${inside}/%5c..%5csecret`, 404],
    [`${inside}/names/..%5c..%5csecret`, 404],
    [`${inside}/%252e%252e/secret`, 404],
    [`${inside}/%c0%ae%c0%ae/secret`, 404],
    [`${inside}/names/%25%32%65%25%32%65`, 200],
    [`//drive/secret`, 404],
    [`/drive//snapshots///2026//secret`, 200],
    [`${inside}/secret?x=/../..`, 200],
    [`http://elsewhere${inside}/secret`, 200],
    [`${inside}/secret/`, 200],
    [`${inside}/secret/below`, 404],
    [`/drive/${"a/".repeat(3000)}`, 404],
  ])("%s → %i", async (path, status) => {
    const line = await askRaw(drive.port, `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    expect(line).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });
});

describe("symlinks", () => {
  test("inside of the snapshot are what they point at; all others and special files are left out", async () => {
    expect(await list("/snapshots/latest/links")).toEqual(
      ["absolute", "chain", "folder/", "more/", "real/", "target.txt", "through", "to-file"].map(
        (name) => `/snapshots/latest/links/${name}`,
      ),
    );
    const links = "/snapshots/2026/links";
    expect(await read(`${links}/to-file`)).toBe("the target");
    expect(await read(`${links}/chain`)).toBe("the target");
    expect(await read(`${links}/absolute`)).toBe("content of a+b");
    expect(await read(`${links}/through`)).toBe("inner");
    expect(await read(`${links}/folder/inner.txt`)).toBe("inner");
    for (const name of ["dangling", "outside", "etc", "loop", "fifo", "fifo-link", "device"]) {
      expect(await read(`${links}/${name}`), name).toBe(404);
    }
  });

  test("never lead above their snapshot", async () => {
    const { text } = await drive.ask("/drive/snapshots/2026/links/root/", {
      method: "PROPFIND",
      headers: { depth: "1" },
    });
    expect(hrefsOf(text)).toContain("/drive/snapshots/2026/links/root/secret");
    expect(await read("/snapshots/2026/links/up/secret")).toBe("of this snapshot");
    expect(await read("/snapshots/2026/links/up/up/secret")).toBe(404);
  });

  test("give a tree that ends: who copies all of it comes to an end", async () => {
    const seen: string[] = [];
    const walk = async (path: string): Promise<void> => {
      for (const href of await list(path)) {
        seen.push(href);
        expect(seen.length).toBeLessThan(200);
        if (href.endsWith("/")) await walk(href);
      }
    };
    await walk("/snapshots/latest/links/");
    expect(seen).toContain("/snapshots/latest/links/real/other/x");
    expect(seen).toContain("/snapshots/latest/links/more/again/inner.txt");
    // Through one link, links to folders are left out; by their path they are there.
    expect(seen).not.toContain("/snapshots/latest/links/more/again/other/");
    expect(await read("/snapshots/latest/links/more/again/other/x")).toBe("x");
  });

  test("latest is the snapshot", async () => {
    expect(await list("/snapshots")).toEqual(["/snapshots/2026/", "/snapshots/latest/"]);
    expect(await read("/snapshots/latest/secret")).toBe("of this snapshot");
  });
});

describe("methods", () => {
  const file = "/drive/snapshots/2026/secret";
  const office = { "user-agent": "Microsoft-WebDAV-MiniRedir/10.0.19045" };

  test("OPTIONS says class 1, and 2 to those that insist on it", async () => {
    const plain = await drive.ask("/drive/", { method: "OPTIONS" });
    expect(plain).toMatchObject({ status: 200, text: "" });
    expect(plain.headers).toMatchObject({
      dav: "1",
      allow: "OPTIONS, GET, HEAD, PROPFIND",
      "ms-author-via": "DAV",
    });
    const { headers } = await drive.ask(file, { method: "OPTIONS", headers: office });
    expect(headers).toMatchObject({
      dav: "1, 2",
      allow: expect.stringContaining("LOCK") as string,
    });
  });

  test.each(["PUT", "DELETE", "MKCOL", "COPY", "MOVE", "PROPPATCH"])(
    "%s is forbidden",
    async (method) => {
      for (const path of [file, "/drive/snapshots/2026/new", "/drive/"]) {
        const { status, headers } = await drive.ask(path, { method, body: "x" });
        expect(status).toBe(403);
        expect(headers["access-control-allow-origin"]).toBeUndefined();
      }
    },
  );

  test.each(["POST", "PATCH", "TRACE", "LOCK", "UNLOCK", "REPORT"])(
    "%s does not exist",
    async (method) => {
      const { status, headers } = await drive.ask(file, { method });
      expect({ status, allow: headers.allow }).toEqual({
        status: 405,
        allow: "OPTIONS, GET, HEAD, PROPFIND",
      });
    },
  );

  test("a long body is not waited for", async () => {
    const head = `PUT ${file} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000000\r\n\r\n`;
    expect(await askRaw(drive.port, head)).toContain("403");
  });

  test("LOCK and UNLOCK work for the drive of Windows, where there is something", async () => {
    const locked = await drive.ask(file, { method: "LOCK", headers: office, body: "<a/>" });
    expect(locked.status).toBe(200);
    const token = locked.headers["lock-token"];
    expect(token).toMatch(/^<urn:uuid:[0-9a-f-]{36}>$/);
    expect(locked.text).toContain(`<D:locktoken><D:href>${String(token).slice(1, -1)}</D:href>`);
    expect(locked.text).toContain(`<D:lockroot><D:href>${file}</D:href></D:lockroot>`);
    const unlock = { ...office, "lock-token": String(token) };
    expect(await drive.ask(file, { method: "UNLOCK", headers: unlock })).toMatchObject({
      status: 204,
    });
    const absent = "/drive/snapshots/2026/new.docx";
    expect(await drive.ask(absent, { method: "LOCK", headers: office })).toMatchObject({
      status: 403,
    });
  });
});

test("names are looked up as bytes, not as what they look like", () => {
  expect(utf8("é")).not.toEqual(utf8("e\u0301"));
});
