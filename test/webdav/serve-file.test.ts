import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ForgeError } from "../../engine/base/errors.ts";
import { contentOf, directory, file, memoryFs, syntheticContent } from "../helpers/memory-fs.ts";
import {
  type AskOptions,
  type Answer,
  type TestDrive,
  serveDrive,
} from "../helpers/webdav-server.ts";

const TEXT = "0123456789abcdefghij";
const MODIFIED = "Tue, 20 Jan 2026 08:49:37 GMT";
const EARLIER = "Mon, 19 Jan 2026 08:49:37 GMT";
const LATER = "Wed, 21 Jan 2026 08:49:37 GMT";
const mtimeNs = BigInt(Date.parse(MODIFIED)) * 1_000_000n + 999_999_999n;
const ETAG = `"${contentOf(Buffer.from(TEXT)).contentKey}"`;
const BIG_BYTES = 40 * 1024 * 1024 + 5;
const big = syntheticContent(BIG_BYTES);
const prefetched: { offset: number; length: number }[] = [];
const reads: number[] = [];
let drive: TestDrive;

beforeAll(async () => {
  const failing = (message: string, after: number) => ({
    sizeBytes: 8 * 1024 * 1024,
    contentKey: message,
    read: ({ offset, length }: { offset: number; length: number }) => {
      if (offset >= after) throw new ForgeError("corrupt", message);
      return new Uint8Array(length);
    },
  });
  drive = await serveDrive(
    memoryFs(
      directory("", [
        file("a.txt", TEXT, { attributes: { mtimeNs } }),
        file("empty", ""),
        file("future", "x", { attributes: { mtimeNs: 7_258_118_400_987_654_321n } }),
        file("big.bin", {
          ...big,
          read: (range) => {
            reads.push(range.offset);
            return big.read(range);
          },
          prefetch: (range) => prefetched.push(range),
        }),
        file("broken", failing("the seal does not fit", 0)),
        file("breaks", failing("the second half is damaged", 4 * 1024 * 1024)),
        file("short", { sizeBytes: 1000, contentKey: "short", read: () => new Uint8Array(10) }),
        ...["page.html", "picture.svg", "feed.xml", "code.js", "photo.jpg", "note.txt"].map(
          (name) => file(name, "<script>alert(1)</script>"),
        ),
        file('q"uo\r\nte;é.html', "x"),
      ]),
    ),
  );
});
afterAll(() => drive.close());

const get = (headers: AskOptions["headers"] = {}, path = "/a.txt"): Promise<Answer> =>
  drive.ask(path, { headers: headers });

describe("a whole file", () => {
  test("comes with its length, type, validators and the headers of inert content", async () => {
    const { status, headers, text } = await get();
    expect({ status, text }).toEqual({ status: 200, text: TEXT });
    expect(headers).toMatchObject({
      "content-length": "20",
      "content-type": "text/plain; charset=utf-8",
      "accept-ranges": "bytes",
      etag: ETAG,
      "last-modified": MODIFIED,
      "x-content-type-options": "nosniff",
      "content-security-policy": "sandbox; default-src 'none'",
      "cross-origin-resource-policy": "same-origin",
    });
  });

  test("HEAD says the same and sends nothing, whatever range is asked for", async () => {
    const { status, headers, bytes } = await drive.ask("/a.txt", {
      method: "HEAD",
      headers: { range: "bytes=1-2" },
    });
    expect({ status, length: bytes.length }).toEqual({ status: 200, length: 0 });
    expect(headers).toMatchObject({
      "content-length": "20",
      etag: ETAG,
      "last-modified": MODIFIED,
    });
  });

  test("may be empty", async () => {
    expect(await get({}, "/empty")).toMatchObject({ status: 200, text: "" });
  });

  test("has no Last-Modified that lies in the future", async () => {
    const { status, headers } = await get({}, "/future");
    expect({ status, modified: headers["last-modified"] }).toEqual({
      status: 200,
      modified: undefined,
    });
  });

  test("is read in pieces of a megabyte, with what follows being loaded ahead", async () => {
    reads.length = 0;
    prefetched.length = 0;
    const { bytes } = await get({}, "/big.bin");
    expect(bytes.equals(Buffer.from(await big.read({ offset: 0, length: BIG_BYTES })))).toBe(true);
    expect(reads).toHaveLength(41);
    // The windows lie end to end, and the last ends with the file.
    for (const [i, range] of prefetched.entries()) {
      const before = prefetched[i - 1];
      if (before !== undefined)
        expect(range.offset).toBeGreaterThanOrEqual(before.offset + before.length);
    }
    const last = prefetched.at(-1);
    expect((last?.offset ?? 0) + (last?.length ?? 0)).toBe(BIG_BYTES);
  });

  test("is not read on once the client is gone", async () => {
    reads.length = 0;
    const response = await fetch(`http://127.0.0.1:${drive.port}/big.bin`);
    await response.body?.cancel();
    // Until nothing more is read: the socket's buffers fill first.
    let before = -1;
    while (before !== reads.length) {
      before = reads.length;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(reads.length).toBeLessThan(41);
    expect(drive.errors).toEqual([]);
  });
});

describe("ranges", () => {
  test.each([
    ["bytes=0-0", "0", "0-0"],
    ["bytes=5-9", "56789", "5-9"],
    ["bytes=15-", "fghij", "15-19"],
    ["bytes=15-1000000", "fghij", "15-19"],
    ["bytes=-3", "hij", "17-19"],
    ["bytes=-1000", TEXT, "0-19"],
    ["BYTES = 1 - 2", "12", "1-2"],
    // One of two is in the file; two that touch are one.
    ["bytes=50-60,1-2", "12", "1-2"],
    ["bytes=0-4,5-9", "0123456789", "0-9"],
    ["bytes=0-,0-,0-", TEXT, "0-19"],
  ])("%s", async (range, want, where) => {
    const { status, headers, text } = await get({ range });
    expect({
      status,
      text,
      range: headers["content-range"],
      length: headers["content-length"],
    }).toEqual({
      status: 206,
      text: want,
      range: `bytes ${where}/20`,
      length: String(want.length),
    });
    expect(headers.etag).toBe(ETAG);
  });

  test.each(["bytes=20-", "bytes=1000-2000", "bytes=-0", "bytes=30-40,50-60"])(
    "%s is outside of the file: 416",
    async (range) => {
      const { status, headers, text } = await get({ range });
      expect({ status, text, range: headers["content-range"] }).toEqual({
        status: 416,
        text: "",
        range: "bytes */20",
      });
    },
  );

  test.each([
    "bytes=9-5",
    "bytes=a-b",
    "bytes=-",
    "bytes=",
    "lines=1-2",
    "bytes=1-2;3",
    `bytes=${Array.from({ length: 65 }, (_, i) => `${i}-${i}`).join(",")}`,
  ])("%s is none: the whole file", async (range) => {
    expect(await get({ range })).toMatchObject({ status: 200, text: TEXT });
  });

  test("an empty file has no first byte, and its end is the whole", async () => {
    expect(await get({ range: "bytes=0-" }, "/empty")).toMatchObject({ status: 416 });
    expect(await get({ range: "bytes=-5" }, "/empty")).toMatchObject({ status: 200, text: "" });
  });

  test("several are parts of one answer whose length is right", async () => {
    const { status, headers, text } = await get(
      { range: "bytes=300000-300007,0-1,-2" },
      "/big.bin",
    );
    expect(status).toBe(206);
    const boundary = /^multipart\/byteranges; boundary=(\w+)$/.exec(
      headers["content-type"] ?? "",
    )?.[1];
    expect(boundary).toBeDefined();
    const parts = text.split(`--${String(boundary)}`);
    expect(parts).toHaveLength(5);
    expect(parts[0]).toBe("");
    expect(parts[1]).toContain(`Content-Range: bytes 300000-300007/${BIG_BYTES}\r\n\r\n`);
    expect(parts[2]).toContain(`Content-Range: bytes 0-1/${BIG_BYTES}\r\n\r\n\u0000\u0000\r\n`);
    expect(parts[3]).toContain(
      `Content-Range: bytes ${BIG_BYTES - 2}-${BIG_BYTES - 1}/${BIG_BYTES}`,
    );
    expect(parts[4]).toBe("--\r\n");
  });
});

describe("conditions", () => {
  const other = '"other"';
  test.each<[string, Record<string, string>, number]>([
    ["If-None-Match that matches", { "if-none-match": ETAG }, 304],
    ["If-None-Match, weak", { "if-none-match": `W/${ETAG}` }, 304],
    ["If-None-Match, in a list", { "if-none-match": `${other}, ${ETAG}` }, 304],
    ["If-None-Match *", { "if-none-match": "*" }, 304],
    ["If-None-Match of another", { "if-none-match": other }, 200],
    [
      "If-None-Match counts before If-Modified-Since",
      { "if-none-match": other, "if-modified-since": LATER },
      200,
    ],
    ["If-Modified-Since, the same second", { "if-modified-since": MODIFIED }, 304],
    ["If-Modified-Since, later", { "if-modified-since": LATER }, 304],
    ["If-Modified-Since, earlier", { "if-modified-since": EARLIER }, 200],
    [
      "If-Modified-Since in the form of asctime",
      { "if-modified-since": "Tue Jan 20 08:49:37 2026" },
      304,
    ],
    ["If-Modified-Since, no date", { "if-modified-since": "2" }, 200],
    ["If-Match that matches", { "if-match": ETAG }, 200],
    ["If-Match *", { "if-match": "*" }, 200],
    ["If-Match of another", { "if-match": other }, 412],
    ["If-Match, weak, never", { "if-match": `W/${ETAG}` }, 412],
    ["If-Unmodified-Since, earlier", { "if-unmodified-since": EARLIER }, 412],
    ["If-Unmodified-Since, the same second", { "if-unmodified-since": MODIFIED }, 200],
    [
      "If-Match counts before If-Unmodified-Since",
      { "if-match": ETAG, "if-unmodified-since": EARLIER },
      200,
    ],
    ["If-Range that matches", { "if-range": ETAG, range: "bytes=0-1" }, 206],
    ["If-Range of another", { "if-range": other, range: "bytes=0-1" }, 200],
    ["If-Range, weak, never", { "if-range": `W/${ETAG}`, range: "bytes=0-1" }, 200],
    ["If-Range by date", { "if-range": MODIFIED, range: "bytes=0-1" }, 206],
    ["If-Range by another date", { "if-range": LATER, range: "bytes=0-1" }, 200],
    ["304 counts before a range", { "if-none-match": ETAG, range: "bytes=0-1" }, 304],
  ])("%s", async (_name, headers, status) => {
    const answer = await get(headers);
    expect(answer.status).toBe(status);
    expect(answer.headers.etag).toBe(ETAG);
    if (status === 304 || status === 412) expect(answer.text).toBe("");
  });
});

describe("content that could run", () => {
  test.each(["page.html", "picture.svg", "feed.xml", "code.js"])(
    "%s is saved, not shown",
    async (name) => {
      const { headers } = await get({}, `/${name}`);
      expect(headers["content-disposition"]).toBe(
        `attachment; filename="${name}"; filename*=UTF-8''${name}`,
      );
      expect(headers["content-security-policy"]).toBe("sandbox; default-src 'none'");
      expect(headers["x-content-type-options"]).toBe("nosniff");
    },
  );

  test.each(["photo.jpg", "note.txt"])("%s may be shown", async (name) => {
    expect((await get({}, `/${name}`)).headers["content-disposition"]).toMatch(/^inline; /);
  });

  test("no byte of a name gets into a header as it is", async () => {
    const { headers } = await get({}, "/q%22uo%0D%0Ate;%C3%A9.html");
    expect(headers["content-disposition"]).toBe(
      `attachment; filename="q_uo__te__.html"; filename*=UTF-8''q%22uo%0D%0Ate%3B%C3%A9.html`,
    );
  });
});

describe("content that cannot be read", () => {
  test("at its beginning is an error of the server, told to the owner and not to the client", async () => {
    drive.errors.length = 0;
    const { status, text, headers } = await get({}, "/broken");
    expect(status).toBe(500);
    expect(text).not.toContain("seal");
    expect(headers.etag).toBeUndefined();
    expect(String(drive.errors[0])).toContain("the seal does not fit");
  });

  test("later breaks the connection: a part is never taken for the whole", async () => {
    await expect(get({}, "/breaks")).rejects.toThrow();
    expect(String(drive.errors.at(-1))).toContain("second half");
  });

  test("and fewer bytes than there should be are no file", async () => {
    expect(await get({}, "/short")).toMatchObject({ status: 500 });
  });
});
