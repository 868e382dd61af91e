import hljs from "highlight.js/lib/common";
import { expect, test } from "vitest";

import { codeLanguage } from "../../web-ui/src/features/file/code-language.ts";
import { linesOfHighlighted, plainLines } from "../../web-ui/src/features/file/highlight-lines.ts";
import type { Line } from "../../web-ui/src/features/file/highlight-lines.ts";

const textOf = (lines: readonly Line[]): string =>
  lines.map((line) => line.map(({ text }) => text).join("")).join("\n");

const SAMPLES: readonly (readonly [string, string])[] = [
  ["typescript", '/* a\n b */ const x = `${"<b>&amp;"}`;\n\nexport {};\n'],
  ["xml", "<a href=\"x\">&lt;script&gt;'quoted'</a>\n<!-- over\nlines -->"],
  ["bash", "#!/bin/sh\ncat <<'E'\n<script>alert(1)</script> & \"\nE\n"],
  ["css", 'a{content:"</style><script>"}'],
  ["python", "def f(x):\n    '''doc\n    more'''\n    return x & 1 < 2"],
];

test.each(SAMPLES)("colours do not change a character of %s", (language, code) => {
  const { value } = hljs.highlight(code, { language, ignoreIllegals: true });
  const lines = linesOfHighlighted(value);
  expect(textOf(lines)).toBe(code);
  expect(lines).toHaveLength(plainLines(code).length);
});

test("what goes over several lines is marked in each of them", () => {
  const { value } = hljs.highlight("/* a\n b */", { language: "typescript" });
  expect(linesOfHighlighted(value).map((line) => line[0]?.marks)).toEqual([
    "hljs-comment",
    "hljs-comment",
  ]);
});

test("a language is known by name, ending or first line, and otherwise not", () => {
  expect(codeLanguage("Makefile", "")).toBe("makefile");
  expect(codeLanguage("a.test.ts", "")).toBe("ts");
  expect(codeLanguage("page.HTM", "")).toBe("xml");
  expect(codeLanguage("run", "#!/usr/bin/env python3\n")).toBe("python");
  expect(codeLanguage("notes", "hello")).toBeUndefined();
  for (const name of ["constructor", "constructor.x", "x.constructor", "x.__proto__", "toString"]) {
    expect(typeof (codeLanguage(name, "") ?? "")).toBe("string");
  }
});
