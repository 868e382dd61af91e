/** Names that want to be more than names: through every route, as the text and the bytes they are. */
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { toHex } from "../../engine/base/bytes.ts";
import { hostileNames } from "../helpers/hostile-names.ts";
import { directory, file, memoryFs } from "../helpers/memory-fs.ts";
import { hasProgram, need } from "../helpers/need.ts";
import { testSeed } from "../helpers/seeded-random.ts";
import { type TestDrive, hrefsOf, serveDrive } from "../helpers/webdav-server.ts";

const seed = testSeed();
const names = hostileNames(seed);
let drive: TestDrive;

beforeAll(async () => {
  const files = names.map((name) => file(name, `<script>alert("${toHex(name)}")</script>`));
  drive = await serveDrive(memoryFs(directory("", [directory("d", files), file("outside", "no")])));
});
afterAll(() => drive.close());

test(`300 names are all listed, found, and served inert (seed ${seed})`, async () => {
  const { text } = await drive.ask("/d", { method: "PROPFIND", headers: { depth: "1" } });
  const hrefs = hrefsOf(text).slice(1);
  expect(hrefs).toHaveLength(names.length);
  const contents = new Set<string>();
  for (const href of hrefs) {
    const { status, headers, text: content } = await drive.ask(href);
    expect(status, href).toBe(200);
    contents.add(content);
    expect(headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "content-security-policy": "sandbox; default-src 'none'",
      "cross-origin-resource-policy": "same-origin",
    });
    expect(headers["set-cookie"]).toBeUndefined();
    const disposition = headers["content-disposition"] ?? "";
    expect(disposition).toMatch(
      /^(attachment|inline); filename="[A-Za-z0-9 ._-]+"; filename\*=UTF-8''[A-Za-z0-9%!~._-]+$/,
    );
    if (/html|svg|xml/.test(headers["content-type"] ?? ""))
      expect(disposition).toMatch(/^attachment/);
  }
  // Each link is its own file.
  expect(contents.size).toBe(names.length);
});

test.skipIf(!need(hasProgram("python3"), "python3"))(
  "an XML parser reads the listing, and finds the same links and the names that XML can hold",
  async () => {
    const { bytes } = await drive.ask("/d", { method: "PROPFIND", headers: { depth: "1" } });
    const program =
      "import sys,json,xml.etree.ElementTree as e;r=e.parse(sys.stdin.buffer).getroot();" +
      "print(json.dumps([[x.text for x in r.iter('{DAV:}'+n)] for n in ['href','displayname']]))";
    const parsed = spawnSync("python3", ["-c", program], { input: bytes, encoding: "utf8" });
    expect(parsed.stderr).toBe("");
    const [hrefs = [], shown = []] = JSON.parse(parsed.stdout) as string[][];
    expect(hrefs).toEqual(hrefsOf(bytes.toString()).map((href) => href.replaceAll("&#39;", "'")));
    expect(shown).toContain("<svg onload=alert(1)>.svg");
    expect(shown).toContain("a\r\nSet-Cookie: x=1\r\n\r\n<html>");
    expect(shown).toContain("\ufffd[2J\ufffd]0;title\ufffd");
    expect(shown).toContain("]]><x>");
  },
);

test("a listing for people holds no element and no attribute that a name brought", async () => {
  const { text } = await drive.ask("/d/");
  const tags = new Set([...text.matchAll(/<(\/?[a-z0-9!]+)/gi)].map(([, tag]) => tag));
  expect([...tags].toSorted()).toEqual(
    ["!DOCTYPE", "html", "meta", "title", "/title", "style", "/style", "h1", "/h1"]
      .concat(["bdi", "/bdi", "table", "/table", "tr", "th", "td", "a", "/a", "/html"])
      .toSorted(),
  );
  for (const [, attributes = ""] of text.matchAll(/<a ([^>]*)>/g)) {
    expect(attributes).toMatch(/^href="\/[\w%/.~!()*&#;'-]*"$/);
  }
});
