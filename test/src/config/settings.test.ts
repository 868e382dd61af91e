import { mkdtempSync, rmSync, writeFileSync, chmodSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isForgeError } from "../../../engine/base/errors.ts";
import { type LoadOptions, loadSettings } from "../../../src/config/load-settings.ts";
import type { Settings } from "../../../src/config/settings.ts";
import { shownSettings } from "../../../src/config/show-settings.ts";
import { STARTER_CONFIGURATION } from "../../../src/config/starter.ts";

let folder: string;
let warnings: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "forge-config-"));
  warnings = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

function load(
  text: string,
  {
    name = "forge.yaml",
    variables = {},
  }: { name?: string; variables?: Record<string, string> } = {},
): Promise<Settings> {
  writeFileSync(join(folder, name), text, { mode: 0o600 });
  return loadSettings({ ...places(), flag: join(folder, name), ...withVariables(variables) });
}

function places(): LoadOptions {
  return {
    flag: undefined,
    ...withVariables({}),
    workingFolder: folder,
    warn: (message) => warnings.push(message),
  };
}

function withVariables(variables: Record<string, string>): Pick<LoadOptions, "environment"> {
  return {
    environment: {
      config: undefined,
      configHome: join(folder, "xdg"),
      home: "/home/anna",
      variables,
    },
  };
}

async function failure(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (isForgeError(error)) return `${error.code}: ${error.message.replaceAll(folder, "DIR")}`;
    throw error;
  }
  return "no failure";
}

describe("what a configuration says", () => {
  test("repositories, sources and overrides arrive as settings with absolute paths", async () => {
    const settings = await load(`
compression: lz4
passphrase-file: secret
exclude: ["*.tmp"]
repositories:
  - label: nas
    path: /mnt/nas
    compression: zstd:9
    passphrase-command: pass show nas
    encryption: {cipher: chacha20-poly1305, kdf: {memory: 128 MiB, passes: 4}}
    retention: {keep-last: 3, keep-within: 7d}
  - label: usb
    path: ~/usb
sources:
  - label: docs
    paths: [~/docs, rel]
    exclude: /cache/
    exclude-if-present: [.nobackup]
    one-file-system: true
    tags: [home, work]
    repositories: [nas]
`);
    const [nas, usb] = settings.repositories;
    expect(nas?.compression).toEqual({ codec: "zstd", level: 9 });
    expect(nas?.passphrase.command).toBe("pass show nas");
    expect(nas?.passphrase.file).toBeUndefined();
    expect(nas?.encryption).toEqual({
      cipher: "chacha20-poly1305",
      kdf: { memoryKib: 131072, passes: 4, lanes: undefined },
    });
    expect(nas?.retention).toMatchObject({ keepLast: 3, keepWithinSeconds: 7 * 86400 });
    expect(usb?.location).toBe("/home/anna/usb");
    expect(usb?.compression).toEqual({ codec: "lz4", level: 0 });
    expect(usb?.passphrase.file).toBe(join(folder, "secret"));
    expect(settings.sources).toEqual([
      {
        label: "docs",
        paths: ["/home/anna/docs", join(folder, "rel")],
        exclude: ["*.tmp", "/cache/"],
        excludeIfPresent: [".nobackup"],
        excludeCaches: false,
        oneFileSystem: true,
        tags: ["home", "work"],
        repositories: ["nas"],
      },
    ]);
  });

  test("TOML says the same as YAML", async () => {
    const yaml = await load("hostname: box\nrepositories:\n  - label: a\n    path: /a\n");
    const toml = await load('hostname = "box"\n[[repositories]]\nlabel = "a"\npath = "/a"\n', {
      name: "forge.toml",
    });
    expect({ ...toml, file: yaml.file }).toEqual(yaml);
  });

  test("the starter can be used as it is", async () => {
    const settings = await load(STARTER_CONFIGURATION);
    expect(settings.repositories[0]?.label).toBe("main");
    expect(settings.sources[0]?.paths).toEqual(["/home/anna/Documents"]);
  });

  test("every commented setting of the starter can be used", async () => {
    const text = STARTER_CONFIGURATION.replace(/^( *)# ( *(?:- )?[a-z-]+:(?: .*)?)$/gm, "$1$2")
      // Of these only one of each is possible at a time.
      .replace(/^passphrase-command.*$/m, "")
      .replace(/^ *path: ~\/Documents$/m, "");
    const settings = await load(text);
    expect(settings.hostname).toBe("laptop");
    expect(settings.repositories.map(({ label }) => label)).toEqual(["main", "usb"]);
    expect(settings.defaults.encryption.kdf.memoryKib).toBe(262144);
    expect(settings.mount.cacheBytes).toBe(33554432);
    expect(settings.sources[0]).toMatchObject({
      excludeCaches: true,
      oneFileSystem: true,
      tags: ["home"],
      repositories: ["main"],
    });
  });

  test("an empty file is a configuration without anything", async () => {
    expect((await load("# nothing\n")).repositories).toEqual([]);
  });

  test("what is shown masks every secret", async () => {
    const settings = await load(`
passphrase: hunter2
repositories:
  - {path: /a, passphrase-command: "echo hunter2"}
  - {url: "https://user:hunter2@host/repo"}
`);
    expect(JSON.stringify(shownSettings(settings))).not.toContain("hunter2");
  });

  test("a readable file with a passphrase in it draws a warning", async () => {
    await load("passphrase: x\n");
    expect(warnings).toEqual([]);
    chmodSync(join(folder, "forge.yaml"), 0o644);
    await loadSettings({ ...places(), flag: join(folder, "forge.yaml") });
    expect(warnings[0]).toContain("chmod 600");
  });
});

describe("variables", () => {
  test("are put in after parsing, so that their text is never syntax", async () => {
    const settings = await load(
      "hostname: ${NAME}\ncompression: ${C:-lz4}\nmount: {allow-other: '${T}'}\n",
      {
        variables: { NAME: "a: [b] # c", T: "true" },
      },
    );
    expect(settings.hostname).toBe("a: [b] # c");
    expect(settings.defaults.compression.codec).toBe("lz4");
    expect(settings.mount.allowOther).toBe(true);
  });

  test("$${ stands for the characters", async () => {
    expect((await load("hostname: 'a$${B}'\n")).hostname).toBe("a${B}");
  });

  test("in a comment mean nothing", async () => {
    expect((await load("# ${UNSET}\nhostname: x\n")).hostname).toBe("x");
  });

  test("that are not set are an error with the line", async () => {
    expect(await failure(load("\nhostname: ${NOPE}\n"))).toBe(
      "usage: Cannot use the configuration DIR/forge.yaml:2: the environment variable NOPE is not set; set it, or write ${NOPE:-default}",
    );
  });

  test("that are malformed are an error with the line", async () => {
    expect(await failure(load("hostname: 'a${B'\n"))).toContain("forge.yaml:1: ");
    expect(await failure(load("hostname: ${B-C}\n"))).toContain("is no reference to a variable");
  });

  test.each(["- ".repeat(20_000), "[".repeat(20_000)])(
    "says of lists in lists without end that they are too deep",
    async (lists) => {
      expect(await failure(load(`exclude:\n  ${lists}`))).toContain("too deeply nested values");
    },
  );
});

describe("what cannot be used is said with its line", () => {
  const cases: readonly [string, string, string][] = [
    [
      "a typo of a key",
      "hostname: x\ncompresion: lz4\n",
      ':2: unknown key "compresion"; did you mean "compression"?',
    ],
    [
      "an underscore",
      "exclude_caches: true\n",
      ':1: unknown key "exclude_caches"; did you mean "exclude-caches"?',
    ],
    [
      "a typo below",
      "repositories:\n  - path: /a\n    lable: b\n",
      ':3: unknown key "lable" in repositories[0]; did you mean "label"?',
    ],
    [
      "a key nobody knows",
      "mount:\n  wibble: 1\n",
      ':2: unknown key "wibble" in mount; known are allow-other, path-template, cache-size',
    ],
    [
      "a number for a text",
      "hostname: 7\n",
      ":1: hostname is the number 7, but a text is needed (in quotes)",
    ],
    [
      "a text for a boolean",
      "one-file-system: maybe\n",
      ":1: one-file-system is a text, but true or false is needed",
    ],
    [
      "a section for a list",
      "repositories: {path: /a}\n",
      ":1: repositories is a section, but a list is needed",
    ],
    [
      "a text for a section",
      "encryption: none\n",
      ":1: encryption is a text, but a section with keys is needed",
    ],
    [
      "an unknown word",
      "encryption:\n  cipher: rot13\n",
      ':2: encryption.cipher is "rot13", but one of auto, aes-256-gcm, chacha20-poly1305, none is needed',
    ],
    [
      "a level beyond zstd's",
      "compression: zstd:23\n",
      ':1: compression is "zstd:23", but zstd, zstd:1 … zstd:22, lz4 or none is needed',
    ],
    [
      "a weak KDF",
      "encryption: {kdf: {memory: 1 MiB}}\n",
      "but a size from 64 MiB to 1 GiB is needed",
    ],
    [
      "a count of 0",
      "retention:\n  keep-last: 0\n",
      ":2: retention.keep-last is the number 0, but a whole number from 1",
    ],
    [
      "a bad span",
      "retention:\n  keep-within: soon\n",
      ':2: retention.keep-within is "soon", but a span',
    ],
    ["no path", "repositories:\n  - label: a\n", ":2: repositories[0] needs a path"],
    ["an empty value", "hostname:\n", ":1: hostname is empty, but a text is needed"],
    [
      "two passphrases",
      "passphrase: a\npassphrase-file: b\n",
      ":1: the file has more than one of passphrase, passphrase-file and passphrase-command",
    ],
    [
      "the same label twice",
      "repositories:\n  - {label: a, path: /a}\n  - {label: a, path: /b}\n",
      ':3: repositories[1] has the label "a", which another one has already',
    ],
    [
      "a source for nobody",
      "repositories:\n  - {label: nas, path: /a}\nsources:\n  - path: /d\n    repositories: [nsa]\n",
      ':5: sources[0].repositories[0] names the repository "nsa", which is not configured; did you mean "nas"?',
    ],
    ["a key twice", "hostname: a\nhostname: b\n", ":2: not valid YAML: Map keys must be unique"],
    ["broken syntax", "a: [1\nb: 2\n", ": not valid YAML: "],
    ["an unknown tag", "hostname: !!js/function x\n", ":1: not valid YAML: "],
    ["__proto__", "__proto__: {a: 1}\n", ':1: unknown key "__proto__"'],
    ["a list at the top", "- a\n", ":1: the file is a list, but a section with keys is needed"],
  ];
  test.each(cases)("%s", async (_name, text, wanted) => {
    const said = await failure(load(text));
    expect(said).toContain("usage: Cannot use the configuration DIR/forge.yaml");
    expect(said).toContain(wanted);
  });

  test("nested aliases do not blow up", async () => {
    let text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
    for (let i = 1; i < 12; i++) text += `a${i}: &a${i} [${`*a${i - 1}, `.repeat(9)}]\n`;
    expect(await failure(load(text))).toContain("too many");
  });

  const toml: readonly [string, string, string][] = [
    ["a typo", 'hostname = "a"\ncompresion = "lz4"\n', ':2: unknown key "compresion"'],
    [
      "a typo in a table",
      '[[repositories]]\npath = "/a"\n[[repositories]]\npth = "/b"\n',
      ':4: unknown key "pth" in repositories[1]',
    ],
    [
      "a typo in a table of an element",
      '[[repositories]]\npath = "/a"\n[repositories.encryption]\ncypher = "none"\n',
      ':4: unknown key "cypher" in repositories[0].encryption',
    ],
    [
      "a wrong type",
      '\n[mount]\nallow-other = "x"\n',
      ":3: mount.allow-other is a text, but true or false is needed",
    ],
    ["broken syntax", "a = \n", ":1: not valid TOML: "],
  ];
  test.each(toml)("TOML: %s", async (_name, text, wanted) => {
    expect(await failure(load(text, { name: "c.toml" }))).toContain(`DIR/c.toml${wanted}`);
  });
});

describe("where it is looked for", () => {
  test("the working folder comes before the user's, a named file before both", async () => {
    mkdirSync(join(folder, "xdg", "forge"), { recursive: true });
    expect((await loadSettings(places())).file).toBeUndefined();
    writeFileSync(join(folder, "xdg/forge/config.toml"), 'hostname = "user"');
    expect((await loadSettings(places())).hostname).toBe("user");
    writeFileSync(join(folder, "forge.yaml"), "hostname: here");
    expect((await loadSettings(places())).hostname).toBe("here");
    writeFileSync(join(folder, "other.yaml"), "hostname: named");
    const environment = { ...places().environment, config: join(folder, "other.yaml") };
    expect((await loadSettings({ ...places(), environment })).hostname).toBe("named");
    expect((await loadSettings({ ...places(), environment, flag: "forge.yaml" })).hostname).toBe(
      "here",
    );
  });

  test("a named file that is not there is an error", async () => {
    expect(await failure(loadSettings({ ...places(), flag: "no.yaml" }))).toBe(
      "not-found: Cannot read the configuration DIR/no.yaml: there is no such file; `forge config` writes a starter",
    );
  });
});
