import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { utf8 } from "../../engine/base/bytes.ts";
import { ForgeError } from "../../engine/base/errors.ts";
import { parsePropfind } from "../../webdav/propfind-body.ts";
import { directory, file, liveDirectory, memoryFs } from "../helpers/memory-fs.ts";
import {
  type Answer,
  type TestDrive,
  askRaw,
  hrefsOf,
  serveDrive,
} from "../helpers/webdav-server.ts";

const mtimeNs = BigInt(Date.parse("2026-01-20T08:49:37Z")) * 1_000_000n;
const XML = '<?xml version="1.0" encoding="utf-8"?>';
let drive: TestDrive;

beforeAll(async () => {
  const failing = {
    ...directory("failing", []),
    readEntries: () => Promise.reject(new ForgeError("missing-object", "the pack is gone")),
  };
  const many = Array.from({ length: 10_000 }, (_, i) => file(`file number ${i}.txt`, "x"));
  drive = await serveDrive(
    memoryFs(
      liveDirectory("", () => [
        directory("folder", [
          file("a.txt", "hello", { attributes: { mtimeNs, mode: 0o755 } }),
          directory("sub", [file("deep", "")], { attributes: { mtimeNs } }),
        ]),
        directory("many", many),
        directory("empty", []),
        failing,
      ]),
      { bytes: 123_456, entries: 7 },
    ),
  );
});
afterAll(() => drive.close());

function propfind(path: string, depth?: string, body = ""): Promise<Answer> {
  const headers = depth === undefined ? {} : { depth };
  return drive.ask(path, { method: "PROPFIND", headers, body });
}

function asking(...elements: readonly string[]): string {
  return `${XML}<D:propfind xmlns:D="DAV:"><D:prop>${elements.join("")}</D:prop></D:propfind>`;
}

describe("depth", () => {
  test("0 is the entry, 1 its children as well", async () => {
    expect(hrefsOf((await propfind("/folder", "0")).text)).toEqual(["/folder/"]);
    expect(hrefsOf((await propfind("/folder/", "1")).text)).toEqual([
      "/folder/",
      "/folder/a.txt",
      "/folder/sub/",
    ]);
    expect(hrefsOf((await propfind("/", "1")).text)).toEqual([
      "/",
      "/empty/",
      "/failing/",
      "/folder/",
      "/many/",
    ]);
    expect(hrefsOf((await propfind("/folder/a.txt", "1")).text)).toEqual(["/folder/a.txt"]);
    expect(hrefsOf((await propfind("/empty", "1,noroot")).text)).toEqual([]);
  });

  test.each([[undefined], ["infinity"], ["Infinity"]])(
    "%s is refused as RFC 4918 says",
    async (depth) => {
      const { status, text, headers } = await propfind("/folder", depth);
      expect(status).toBe(403);
      expect(text).toContain('<D:error xmlns:D="DAV:"><D:propfind-finite-depth/></D:error>');
      expect(headers["content-type"]).toBe("application/xml; charset=utf-8");
    },
  );

  test("anything else is a bad request; what is not there is not found", async () => {
    expect(await propfind("/folder", "2")).toMatchObject({ status: 400 });
    expect(await propfind("/nothing", "0")).toMatchObject({ status: 404 });
    expect(await propfind("/folder/a.txt/below", "0")).toMatchObject({ status: 404 });
  });
});

describe("properties", () => {
  test("without a body are all that cost nothing, and short", async () => {
    const { status, headers, text } = await propfind("/folder/a.txt", "0");
    expect(status).toBe(207);
    expect(headers["content-type"]).toBe("application/xml; charset=utf-8");
    expect(Number(headers["content-length"])).toBe(Buffer.byteLength(text));
    expect(text).toBe(
      `${XML}\n<D:multistatus xmlns:D="DAV:">\n<D:response><D:href>/folder/a.txt</D:href><D:propstat><D:prop>` +
        "<D:resourcetype/><D:displayname>a.txt</D:displayname><D:getcontentlength>5</D:getcontentlength>" +
        "<D:getlastmodified>Tue, 20 Jan 2026 08:49:37 GMT</D:getlastmodified>" +
        "<D:creationdate>2026-01-20T08:49:37Z</D:creationdate><D:getetag>&quot;5:68656c6c6f&quot;</D:getetag>" +
        "<D:getcontenttype>text/plain; charset=utf-8</D:getcontenttype></D:prop>" +
        "<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>\n",
    );
    const folder = (await propfind("/folder", "0")).text;
    expect(folder).toContain("<D:resourcetype><D:collection/></D:resourcetype>");
    expect(folder).not.toContain("getcontentlength");
    expect(folder).not.toContain("404");
  });

  test("that are asked for are answered, and those that do not exist named", async () => {
    const body = asking(
      "<D:getcontentlength/>",
      '<x:color xmlns:x="urn:a&amp;b"/>',
      "<D:nonsense/>",
    );
    const { text } = await propfind("/folder", "1", body);
    expect(text).toContain(
      "<D:prop><D:getcontentlength>5</D:getcontentlength></D:prop><D:status>HTTP/1.1 200 OK</D:status>",
    );
    expect(text).toContain(
      '<D:prop><color xmlns="urn:a&amp;b"/><D:nonsense/></D:prop><D:status>HTTP/1.1 404 Not Found</D:status>',
    );
    // A folder has no length.
    expect(text).toContain(
      '<color xmlns="urn:a&amp;b"/><D:nonsense/><D:getcontentlength/></D:prop>',
    );
  });

  test("of quota, of locks and of mod_dav come when asked for by name", async () => {
    const names =
      "<D:quota-used-bytes/><D:quota-available-bytes/><D:supportedlock/><D:iscollection/>";
    const { text } = await propfind("/folder", "0", asking(names));
    expect(text).toContain("<D:quota-used-bytes>123456</D:quota-used-bytes>");
    expect(text).toContain("<D:quota-available-bytes>0</D:quota-available-bytes>");
    expect(text).toContain("<D:supportedlock/><D:quota");
    expect(text).toContain("<D:iscollection>1</D:iscollection>");
    const executable = asking('<executable xmlns="http://apache.org/dav/props/"/>');
    expect((await propfind("/folder/a.txt", "0", executable)).text).toContain(
      '<executable xmlns="http://apache.org/dav/props/">T</executable>',
    );
  });

  test("allprop with include, and propname", async () => {
    const include = `${XML}<propfind xmlns="DAV:"><allprop/><include><quota-used-bytes/></include></propfind>`;
    const all = await propfind("/folder", "0", include);
    expect(all.text).toContain("<D:quota-used-bytes>123456</D:quota-used-bytes>");
    expect(all.text).toContain("<D:displayname>folder</D:displayname>");
    const names = await propfind(
      "/folder/a.txt",
      "0",
      `<propfind xmlns="DAV:"><propname/></propfind>`,
    );
    expect(names.text).toContain("<D:getetag/><D:getcontenttype/>");
    expect(names.text).not.toContain("quota");
  });

  test("none asked for is an answer, too", async () => {
    expect((await propfind("/folder", "0", asking())).text).toContain("<D:prop></D:prop>");
  });
});

describe("bodies", () => {
  test.each([
    ["a DTD", `${XML}<!DOCTYPE x [<!ENTITY a "b">]><propfind xmlns="DAV:"><allprop/></propfind>`],
    ["a billion laughs", `<!DOCTYPE l [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><l>&b;</l>`],
    ["an external entity", `<!DOCTYPE x SYSTEM "file:///etc/passwd"><propfind xmlns="DAV:"/>`],
    ["no XML", "hello"],
    ["an open element", '<propfind xmlns="DAV:"><allprop/>'],
    ["crossed elements", '<propfind xmlns="DAV:"><prop></propfind></prop>'],
    ["two roots", '<propfind xmlns="DAV:"><allprop/></propfind><a/>'],
    ["another root", '<propertyupdate xmlns="DAV:"><allprop/></propertyupdate>'],
    ["an unbound prefix", "<D:propfind><D:allprop/></D:propfind>"],
    ["an unknown entity", '<propfind xmlns="DAV:"><prop><a xmlns="&x;"/></prop></propfind>'],
    ["an empty propfind", '<propfind xmlns="DAV:"/>'],
    ["not UTF-8", '<propfind xmlns="DAV:"><prop>\u00ff</prop></propfind>'],
    ["elements below elements", `<propfind xmlns="DAV:">${"<a>".repeat(20)}`],
    ["too many properties", asking(...("<D:a/>".repeat(300).match(/<D:a\/>/g) ?? []))],
  ])("%s is a bad request", (_name, body) => {
    expect(parsePropfind(new Uint8Array(Buffer.from(body, "latin1")))).toBeUndefined();
  });

  test("comments, declarations, CDATA, prefixes of any kind and white space are understood", () => {
    const body =
      `\n${XML}<!-- a < b --><w:propfind\n xmlns:w='DAV:' a="1" > <w:prop ><w:getetag/><x xmlns=''/>` +
      `<!-- c --><y:z xmlns:y="urn:y"><![CDATA[<]]></y:z></w:prop ></w:propfind> `;
    expect(parsePropfind(utf8(body.trim()))).toEqual({
      kind: "some",
      properties: [
        { namespace: "DAV:", name: "getetag", children: [] },
        { namespace: "", name: "x", children: [] },
        { namespace: "urn:y", name: "z", children: [] },
      ],
    });
  });

  test("over the wire: 400 for a DTD, 413 beyond 64 KiB, declared or not", async () => {
    expect(await propfind("/", "0", "<!DOCTYPE a><a/>")).toMatchObject({ status: 400 });
    expect(await propfind("/", "0", " ".repeat(65_537))).toMatchObject({ status: 413 });
    const head =
      "PROPFIND / HTTP/1.1\r\nHost: localhost\r\nDepth: 0\r\nTransfer-Encoding: chunked\r\n\r\n";
    const chunk = `10000\r\n${" ".repeat(65_536)}\r\n`;
    expect(await askRaw(drive.port, `${head}${chunk}${chunk}`)).toContain("413");
  });
});

test("ten thousand entries take well under a second", async () => {
  const body = asking(
    "<D:resourcetype/>",
    "<D:getcontentlength/>",
    "<D:getlastmodified/>",
    "<D:getetag/>",
  );
  await propfind("/many", "1", body);
  const started = performance.now();
  const some = await propfind("/many", "1", body);
  const someMs = performance.now() - started;
  const all = await propfind("/many", "1");
  const allMs = performance.now() - started - someMs;
  console.log(
    `PROPFIND of 10,000: ${someMs.toFixed(0)} ms (4 properties), ${allMs.toFixed(0)} ms (all)`,
  );
  expect(hrefsOf(some.text)).toHaveLength(10_001);
  expect(hrefsOf(all.text)[1]).toBe("/many/file%20number%200.txt");
  // The bound is for a machine that does other things as well.
  expect(someMs).toBeLessThan(1000);
});

test("a folder that cannot be read is an error, never an empty folder", async () => {
  expect(await propfind("/failing", "1")).toMatchObject({ status: 500 });
  expect(await drive.ask("/failing/")).toMatchObject({ status: 500 });
  expect(String(drive.errors[0])).toContain("the pack is gone");
});
