/** Names that want to be more than names, and contents that want to run: for every way of showing. */
import { type Bytes, toHex, utf8 } from "../../engine/base/bytes.ts";
import { SeededRandom } from "./seeded-random.ts";

const PAYLOADS = [
  "<img src=x onerror=alert(1)>",
  "<svg onload=alert(1)>.svg",
  '"><script>alert(1)<script>',
  "'onmouseover='alert(1)",
  "javascript:alert(1).html",
  "data:text.html,<script>",
  "]]><x>",
  "<!--",
  "&#x3c;script&#x3e;",
  "&lt;b&gt;",
  "{{constructor.constructor('alert(1)')()}}",
  "${alert(1)}",
  "__proto__",
  "constructor",
  "a\r\nSet-Cookie: x=1\r\n\r\n<html>",
  'x"; filename="evil.exe',
  "x\r\nContent-Type: text\u2215html",
  "..%2f..%2fetc%2fpasswd",
  "%2e%2e",
  "%252e%252e%255c",
  "..\\..\\windows",
  "%00",
  "%0d%0a",
  "%c0%af",
  "?inline",
  "#login=x",
  "$(reboot)",
  "\u001b[2J\u001b]0;title\u0007",
  "\u2028\u2029",
  "\u202egpj.exe",
  "C:\\windows",
  "CON",
  '*?|<>:"',
  ".",
];
const ENDS = ["", ".html", ".svg", ".xml", ".xhtml", ".txt", ".js"];

/** Some 300 names, all different, each one that Linux can have. */
export function hostileNames(seed: number, count = 300): Bytes[] {
  const random = new SeededRandom(seed);
  const seen = new Set<string>();
  const names: Bytes[] = [];
  const add = (name: Bytes): void => {
    const isPath = toHex(name) === "2e" || toHex(name) === "2e2e";
    if (name.length === 0 || name.length > 255 || isPath || seen.has(toHex(name))) return;
    seen.add(toHex(name));
    names.push(name);
  };
  for (const payload of PAYLOADS) for (const end of ENDS) add(utf8(payload + end));
  while (names.length < count) {
    const length = 1 + random.below(12);
    const bytes = Uint8Array.from({ length }, () => 1 + random.below(255));
    add(bytes.map((byte) => (byte === 0x2f ? 0x25 : byte)));
  }
  return names;
}

const SVG = `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>`;
const PIXEL =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/** Files by name that must never run: what they are called and what they hold may disagree. */
export function hostileFiles(): readonly { readonly name: string; readonly content: Bytes }[] {
  const html = utf8("<!DOCTYPE html><script>alert(document.cookie)</script>");
  const png = new Uint8Array(Buffer.from(PIXEL, "base64"));
  return [
    { name: "page.html", content: html },
    { name: "page.htm", content: html },
    {
      name: "page.xhtml",
      content: utf8(`<html xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></html>`),
    },
    { name: "picture.svg", content: utf8(SVG) },
    { name: "feed.xml", content: utf8(`<?xml-stylesheet href="x.xsl" type="text/xsl"?>${SVG}`) },
    { name: "script.js", content: utf8("alert(1)") },
    { name: "module.mjs", content: utf8("alert(1)") },
    { name: "style.css", content: utf8("body{background:url(javascript:alert(1))}") },
    { name: "page-as.png", content: html },
    { name: "page-as.jpg", content: html },
    { name: "svg-as.png", content: utf8(SVG) },
    { name: "page-as.txt", content: html },
    { name: "page-as.pdf", content: html },
    { name: "page-as.mp4", content: html },
    { name: "page-without-end", content: html },
    { name: "png-as.html", content: png },
    { name: "png-as.svg", content: png },
    { name: "png-then-page.png", content: new Uint8Array([...png, ...html]) },
    { name: "gif-and-script.gif", content: utf8("GIF89a=1;alert(1)//") },
    {
      name: "pdf-with-script.pdf",
      content: utf8("%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj"),
    },
    {
      name: "archive.mht",
      content: utf8(
        "MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<script>alert(1)</script>",
      ),
    },
    { name: "utf-7.txt", content: utf8("+ADw-script+AD4-alert(1)+ADw-/script+AD4-") },
  ];
}
