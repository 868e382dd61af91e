/**
 * The two rules that are not negotiable: arrows point one way (the import table), and in `engine/`
 * Node exists only in folders named `node/` and in the door `node.ts`.
 */
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";

import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../..");

/** What the files of a folder may import, as prefixes of paths; their own folder is always allowed. */
const NOUNS = [
  "engine/base/",
  "engine/platform/",
  "engine/chunking/",
  "engine/crypto/",
  "engine/packs/",
  "engine/index/",
  "engine/snapshots/",
  "engine/storage/",
];
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  "engine/base/": [],
  "engine/chunking/": ["engine/base/"],
  "engine/snapshots/": ["engine/base/"],
  "engine/storage/": [
    "engine/base/",
    "engine/platform/node/libc.ts",
    "engine/platform/node/fresh-memory.ts",
  ],
  "engine/platform/": ["engine/base/"],
  "engine/crypto/": ["engine/base/", "engine/platform/"],
  "engine/packs/": ["engine/base/", "engine/platform/", "engine/crypto/"],
  "engine/index/": [
    "engine/base/",
    "engine/platform/",
    "engine/crypto/",
    "engine/packs/",
    "engine/storage/",
  ],
  "engine/repository/": NOUNS,
  "engine/read/": [...NOUNS, "engine/repository/"],
  "engine/write/": [...NOUNS, "engine/repository/", "engine/read/"],
  "engine/restore/": [
    "engine/base/",
    "engine/platform/",
    "engine/crypto/",
    "engine/snapshots/",
    "engine/index/",
    "engine/storage/",
    "engine/read/",
  ],
  "engine/maintenance/": [...NOUNS, "engine/repository/", "engine/read/", "engine/write/"],
  "mount/": ["engine/read/readonly-fs.ts", "engine/base/errors.ts", "engine/base/bytes.ts"],
  "webdav/": [
    "engine/read/readonly-fs.ts",
    "engine/read/file-stream.ts",
    "engine/base/errors.ts",
    "engine/base/bytes.ts",
  ],
  // The page knows the server by the types of its answers; see the test below for "types alone".
  "web-ui/": ["src/server/api.ts"],
  // `base` beside the door: what parses a command line must not load the whole engine.
  "src/": ["engine/node.ts", "engine/base/", "mount/index.ts", "webdav/index.ts"],
};
/** Decoding blobs in threads needs the envelope; see decisions/0004-threads.md. */
const EXCEPTIONS: Readonly<Record<string, readonly string[]>> = {
  "engine/platform/node/decode-blob.ts": ["engine/crypto/", "engine/index/blob-location.ts"],
  "engine/platform/node/decode-pool.ts": [
    "engine/crypto/",
    "engine/index/blob-location.ts",
    "engine/read/blob-decoder.ts",
  ],
  "engine/platform/node/decode-worker.ts": ["engine/crypto/", "engine/index/blob-location.ts"],
};

interface Import {
  readonly from: string;
  readonly specifier: string;
  /** `import type` leaves nothing behind at run time. */
  readonly isType: boolean;
}

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => join(folder, name));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  const pattern =
    /^\s*(?:import|export)\b[^;]*?from\s+"([^"]+)"|import\s+"([^"]+)"|(?:import|Require\(import\.meta\.url\))\("([^"]+)"\)/gm;
  return [...text.matchAll(pattern)].map((match) => ({
    from: file,
    isType: /^\s*(import|export) type\b/.test(match[0]),
    specifier: match[1] ?? match[2] ?? match[3] ?? "",
  }));
}

const page = sources("web-ui/src").flatMap((file) => importsOf(file));
const program = ["engine", "mount", "webdav", "src"].flatMap((folder) =>
  sources(folder).flatMap((file) => importsOf(file)),
);
const all = [...program, ...page];

test("the scan sees the program", () => {
  expect(all.length).toBeGreaterThan(300);
});

test("imports point only where the table allows", () => {
  const wrong: string[] = [];
  for (const { from, specifier } of all) {
    if (!specifier.startsWith(".")) continue;
    const to = relative(ROOT, normalize(join(ROOT, dirname(from), specifier)));
    const folder = Object.keys(ALLOWED).find((prefix) => from.startsWith(prefix));
    // The doors may import whatever the engine has.
    if (folder === undefined) continue;
    const allowed = [folder, ...(ALLOWED[folder] ?? []), ...(EXCEPTIONS[from] ?? [])];
    if (!allowed.some((prefix) => to.startsWith(prefix))) wrong.push(`${from} → ${to}`);
  }
  expect(wrong).toEqual([]);
});

test("Node modules are imported only in folders named node, in the door, and outside the engine", () => {
  const wrong = all
    .filter(({ from }) => from.startsWith("engine/") && from !== "engine/node.ts")
    .filter(({ from }) => !from.includes("/node/"))
    .filter(({ specifier }) => specifier.startsWith("node:") || /\/node\//.test(specifier))
    .map(({ from, specifier }) => `${from} → ${specifier}`);
  expect(wrong).toEqual([]);
});

test("the families of the C library are imported by its door alone", () => {
  const families = "engine/platform/node/libc/";
  const wrong = all
    .filter(({ from }) => from !== "engine/platform/node/libc.ts" && !from.startsWith(families))
    .filter(({ specifier }) => specifier.includes("/libc/"))
    .map(({ from, specifier }) => `${from} → ${specifier}`);
  expect(wrong).toEqual([]);
});

test("the page imports types of the API from outside itself, and nothing that stays at run time", () => {
  const wrong = page
    .filter(({ specifier }) => specifier.startsWith("."))
    .filter(({ from, specifier }) => !join(dirname(from), specifier).startsWith("web-ui/"))
    .filter(({ isType }) => !isType)
    .map(({ from, specifier }) => `${from} → ${specifier}`);
  expect(wrong).toEqual([]);
  const packages = page
    .map(({ specifier }) => specifier)
    .filter((specifier) => !specifier.startsWith("."))
    .filter((specifier) => specifier.startsWith("node:") || specifier.includes("/node/"));
  expect(packages).toEqual([]);
});

test("the page never makes markup of strings", () => {
  const wrong = sources("web-ui/src").filter((file) =>
    /\b(dangerouslySetInnerHTML|innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval)\b/.test(
      readFileSync(join(ROOT, file), "utf8"),
    ),
  );
  expect(wrong).toEqual([]);
});

test("read has no node folder", () => {
  expect(sources("engine/read").filter((file) => file.includes("/node/"))).toEqual([]);
});

test("files that a browser loads name no Node global", () => {
  const wrong: string[] = [];
  for (const file of sources("engine")) {
    if (file.includes("/node/") || file === "engine/node.ts") continue;
    const code = readFileSync(join(ROOT, file), "utf8")
      .replace(/\/\*[\s\S]*?\*\//g, "")
      .replace(/\/\/.*$/gm, "");
    const match = /\b(Buffer|process|__dirname|__filename|setImmediate|require)\b(?=[.(])/.exec(
      code,
    );
    if (match !== null) wrong.push(`${file}: ${match[0]}`);
  }
  expect(wrong).toEqual([]);
});

/** Routers are made where their routes are. */
const IN_SEVERAL_FILES: Readonly<Record<string, RegExp>> = { express: /^(webdav|src)\// };

test("each runtime dependency is imported in exactly one file, express where servers are", () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
    optionalDependencies?: Record<string, string>;
  };
  const names = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies });
  const counts = names.map((name) => {
    const files = new Set(
      program
        .filter(({ isType }) => !isType)
        .filter(({ specifier }) => specifier === name || specifier.startsWith(`${name}/`))
        .map(({ from }) => from),
    );
    return { name, files: [...files] };
  });
  const wrong = counts.filter(({ name, files }) => {
    const where = IN_SEVERAL_FILES[name];
    if (where === undefined) return files.length !== 1;
    return files.length === 0 || !files.every((file) => where.test(file));
  });
  expect(wrong).toEqual([]);
});

test("re-exports exist only in the doors, and never with a star", () => {
  const doors = new Set([
    "engine/node.ts",
    "engine/browser.ts",
    "mount/index.ts",
    "webdav/index.ts",
    // A door inside: the C library is one namespace to whoever calls it, by families within.
    "engine/platform/node/libc.ts",
  ]);
  const wrong: string[] = [];
  for (const folder of ["engine", "mount", "webdav", "src", "web-ui/src"]) {
    for (const file of sources(folder)) {
      const text = readFileSync(join(ROOT, file), "utf8");
      if (/^export \*/m.test(text)) wrong.push(`${file}: export *`);
      if (!doors.has(file) && /^export (type )?\{[^}]*\} from/m.test(text)) wrong.push(file);
    }
  }
  expect(wrong).toEqual([]);
});
