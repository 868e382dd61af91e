/** What clients of the servers send: paths, ranges, headers, bodies. */
import { IncomingMessage } from "node:http";
import { Socket } from "node:net";

import { type Bytes, utf8 } from "../../../engine/base/bytes.ts";
import { ApiFailure } from "../../../src/server/api-failure.ts";
import { objectOf, readJsonBody } from "../../../src/server/api-body.ts";
import { parseListenAddress } from "../../../src/server/listen.ts";
import { decodeSelection } from "../../../src/server/selection.ts";
import { decodeEncodedPath } from "../../../src/server/snapshot-place.ts";
import { decodeText } from "../../../src/server/text-decode.ts";
import { selectRanges } from "../../../webdav/byte-ranges.ts";
import { encodeName } from "../../../webdav/entry-name.ts";
import { decodePath } from "../../../webdav/index.ts";
import { checkPreconditions, isRangeWanted } from "../../../webdav/preconditions.ts";
import { parsePropfind } from "../../../webdav/propfind-body.ts";
import { type FuzzTarget, expectThat } from "../fuzz-target.ts";

const SIZE = 10_000;
const SLASH = 0x2f;
const DOT = 0x2e;

export const WEB_TARGETS: readonly FuzzTarget[] = [
  {
    name: "webdav-path",
    words: [
      "%2e",
      "%2E%2e",
      "..",
      ".",
      "/",
      "//",
      "%2f",
      "%5c",
      "\\",
      "%00",
      "%",
      "%u002e",
      "%c0%ae",
      "%F0%9F%98%80",
      "~x",
    ],
    run(input, seed) {
      for (const name of decodePath(latin1(input)) ?? []) {
        expectThat(!isPathLike(name), "a name that is a path");
        if (seed % 8 !== 0) continue;
        const [again] = decodePath(encodeName(name)) ?? [];
        expectThat(again !== undefined && Buffer.from(again).equals(name), "not the same again");
      }
    },
  },
  {
    name: "ranges",
    words: [
      "bytes=",
      "bytes =",
      "0-",
      "-1",
      "-0",
      "0-0",
      "9999-",
      "10000-",
      ",",
      ", ,",
      "18446744073709551616",
      "1e3",
      "items=",
      "-",
    ],
    run(input, seed) {
      const size = seed % 16 === 0 ? 0 : SIZE;
      const ranges = selectRanges(latin1(input), size);
      if (typeof ranges === "string") return;
      expectThat(ranges.length > 0 && ranges.length <= 64, `${ranges.length} ranges`);
      for (const { offset, length } of ranges) {
        expectThat(
          offset >= 0 && length > 0 && offset + length <= size,
          "a range outside the file",
        );
      }
    },
  },
  {
    name: "preconditions",
    words: [
      '"abc"',
      'W/"abc"',
      "*",
      ",",
      "Sun, 06 Nov 1994 08:49:37 GMT",
      "Sunday, 06-Nov-94 08:49:37 GMT",
      "Sun Nov  6 08:49:37 1994",
      "\n",
    ],
    run(input) {
      const [a, b, c, d, e] = latin1(input).split("\n");
      const headers = {
        ...(a !== undefined && { "if-match": a }),
        ...(b !== undefined && { "if-none-match": b }),
        ...(c !== undefined && { "if-modified-since": c }),
        ...(d !== undefined && { "if-unmodified-since": d }),
        ...(e !== undefined && { "if-range": e }),
      };
      const now = { etag: '"abc"', modifiedMs: 784_111_777_000 };
      checkPreconditions(headers, now);
      isRangeWanted(headers, now);
    },
  },
  {
    name: "propfind",
    words: [
      "<D:propfind ",
      'xmlns:D="DAV:"',
      "<D:prop>",
      "</D:prop>",
      "<D:allprop/>",
      "<D:propname/>",
      "<!DOCTYPE x [",
      "<!ENTITY a 'b'>",
      "&a;",
      "&amp;",
      "&#x41;",
      "&#1114112;",
      "<![CDATA[",
      "]]>",
      "<!--",
      "-->",
      "<?xml version='1.0'?>",
      "<a>",
      "</a>",
      'xmlns=""',
      "xmlns:xml='x'",
    ],
    run: (input) => parsePropfind(input),
  },
  {
    name: "web-body",
    words: [
      '"snapshotId"',
      '"paths"',
      '"password"',
      '"target"',
      "[",
      "]",
      "{",
      "}",
      ":",
      ",",
      '""',
      '"/a/%2e%2e"',
      "null",
      '"__proto__"',
      "1e999",
      "[[[[",
    ],
    isJson: true,
    mayThrow: (error) => error instanceof ApiFailure,
    async run(input, seed) {
      const type = seed % 64 === 0 ? latin1(input) : "application/json";
      const request = seed % 16 === 0 ? streamed(input) : requestOf(input);
      request.headers["content-type"] = type;
      const body = await readJsonBody({ request, response: {} as never });
      const { paths } = decodeSelection(objectOf(body));
      for (const path of paths) decodeEncodedPath(path);
    },
  },
  {
    name: "listen-address",
    words: [
      "127.0.0.1",
      "[::1]",
      "localhost",
      ":",
      "8484",
      "65536",
      "-1",
      "0x50",
      "[",
      "]",
      "%25eth0",
    ],
    run(input) {
      const { port } = parseListenAddress(latin1(input));
      expectThat(port >= 0 && port < 65_536, `port ${port}`);
    },
  },
  {
    name: "preview-text",
    words: ["\u{feff}", "\u{1f600}", "\u0000", "\r\n"],
    run: (input, seed) => decodeText(input, seed % 2 === 0),
  },
];

/** Not what may stand between the slashes of a path. */
function isPathLike(name: Uint8Array): boolean {
  if (name.includes(0) || name.includes(SLASH)) return true;
  return name.length <= 2 && name.length > 0 && name.every((byte) => byte === DOT);
}

function streamed(body: Bytes): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  request.push(body);
  request.push(null);
  return request;
}

/** As much of a request as is read: a stream costs more than the decoder. */
function requestOf(body: Bytes): IncomingMessage {
  const request = {
    headers: {},
    // eslint-disable-next-line @typescript-eslint/require-await
    async *iterator(): AsyncGenerator<Buffer> {
      yield Buffer.from(body.buffer);
    },
  };
  return request as unknown as IncomingMessage;
}

/** A view: `Buffer.from(bytes)` copies byte by byte. */
function latin1({ buffer, byteOffset, length }: Bytes): string {
  return Buffer.from(buffer, byteOffset, length).toString("latin1");
}

export const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  "webdav-path": [
    "/snapshots/2024-01-02_03-04-05/home/a%20b/%23%3F%25.txt",
    "/hosts/h/latest/%F0%9F%98%80/%FF%FE",
    "//a//b/",
  ],
  ranges: ["bytes=0-499", "bytes=-500", "bytes=9500-", "bytes=0-0,-1,500-600", "bytes= 1-2 , 3-"],
  preconditions: [
    '"abc"\n"def", W/"abc"\nSun, 06 Nov 1994 08:49:37 GMT\nSun, 06 Nov 1994 08:49:37 GMT\n"abc"',
    "*\n*\nyesterday\n\n",
  ],
  propfind: [
    '<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop><D:getetag/><x:y xmlns:x="urn:z">t</x:y></D:prop></D:propfind>',
    '<propfind xmlns="DAV:"><allprop/><include><quota-used-bytes/></include></propfind>',
    '<a:propfind xmlns:a="DAV:"><!-- c --><a:propname/><![CDATA[x]]>&lt;&#65;</a:propfind>',
  ],
  "web-body": [
    `{"snapshotId":"${"ab".repeat(32)}","paths":["/home/a%20b","/etc"]}`,
    '{"password":"x"}',
    `{"snapshotId":"latest","paths":["/a"],"target":"/srv/x","overwrite":"never","dryRun":true}`,
  ],
  "listen-address": ["127.0.0.1:8484", "[::1]:80", "localhost:0", ":8484", "8484"],
  "preview-text": ["plain text\r\nwith lines\n", "\u{feff}with a mark", "Grüße €😀"],
};

/** The examples of one decoder, as bytes. */
export function webExamples(name: string): readonly Uint8Array[] {
  return (EXAMPLES[name] ?? []).map(utf8);
}
