/** The drive as a GNOME desktop mounts it (gvfs), and as JavaScript programs do (npm `webdav`). */
import { existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AuthType, createClient } from "webdav";
import { ForgeWorld, buildForge, runProgram } from "../helpers/forge-program.ts";
import { type ForgeServer, endServers, startServer } from "../helpers/forge-server.ts";
import { hasProgram, need } from "../helpers/need.ts";

const NAMES = [
  "plain.txt",
  "with space.txt",
  "a+b&c.txt",
  "#hash",
  "why?",
  "100%.txt",
  "%41",
  "Grüße-😀",
  "back\\slash",
  "<b>'\"",
];
let world: ForgeWorld;
let source: string;
let drive: ForgeServer;
let base: string;

beforeAll(async () => {
  buildForge();
  world = new ForgeWorld();
  source = world.path("data");
  for (const name of NAMES) world.write(`data/${name}`, `content of ${name}\n`);
  world.write("data/below/deeper/big.bin", Buffer.alloc(3_000_001, "0123456789abcdef-"));
  world.init();
  world.ok(["backup", source]);
  drive = await startServer(world, "webdav");
  base = `/snapshots/latest${source}`;
});
afterAll(() => {
  endServers();
  world.remove();
});

test("the npm client lists, reads whole and in part, and is refused to write", async () => {
  const client = createClient(drive.url.replace(/\/$/, ""), {
    authType: AuthType.Password,
    username: "forge",
    password: drive.password ?? "",
  });
  const found = await client.getDirectoryContents(base);
  expect(found.map(({ basename }) => basename).sort()).toEqual([...NAMES, "below"].sort());
  for (const name of NAMES) {
    const text = await client.getFileContents(`${base}/${name}`, { format: "text" });
    expect(text).toBe(`content of ${name}\n`);
  }
  const whole = (await client.getFileContents(`${base}/below/deeper/big.bin`)) as ArrayBuffer;
  const expected = readFileSync(`${source}/below/deeper/big.bin`);
  expect(Buffer.from(whole).equals(expected)).toBe(true);
  const part: Buffer[] = [];
  const stream = client.createReadStream(`${base}/below/deeper/big.bin`, {
    range: { start: 1_000_000, end: 1_099_999 },
  });
  stream.on("data", (piece: Buffer) => void part.push(piece));
  await new Promise<unknown>((ended) => void stream.on("end", ended));
  expect(Buffer.concat(part).equals(expected.subarray(1_000_000, 1_100_000))).toBe(true);
  expect(await client.exists(`${base}/nothing`)).toBe(false);
  await expect(client.putFileContents(`${base}/new.txt`, "new")).rejects.toThrow("403");
});

const gvfs = existsSync("/usr/lib/gvfs/gvfsd-dav") && hasProgram("gio");
const desktop = need(gvfs && hasProgram("dbus-run-session"), "gvfs-backends, gio and dbus");

describe.skipIf(!desktop)("gvfs", () => {
  test("mounts the drive as a desktop does, and copies every name", async () => {
    const to = world.path("from-gvfs");
    mkdirSync(to);
    mkdirSync(world.path("run"), { mode: 0o700 });
    const root = drive.url.replace(/^http:/, "dav:");
    const folder = `${root.replace(/\/$/, "")}${base}`;
    const script = world.write(
      "desktop.sh",
      [
        `gio mount '${root}' <<LOGIN`,
        "forge",
        drive.password ?? "",
        "LOGIN",
        `gio list --print-uris '${folder}' | grep -v /below$ | while read -r uri; do`,
        `  gio copy "$uri" '${to}/' || exit 1`,
        "done",
        `gio copy '${folder}/below/deeper/big.bin' '${to}/'`,
        `gio mount --unmount '${root}'`,
      ].join("\n"),
    );
    const environment = world.environment({
      LC_ALL: "C.UTF-8",
      XDG_RUNTIME_DIR: world.path("run"),
      FORGE_PASSPHRASE: undefined,
    });
    const ended = await runProgram("dbus-run-session", ["--", "sh", script], {
      env: environment,
      input: "",
      cwd: world.folder,
    });
    expect(ended.code, ended.stderr).toBe(0);
    expect(readdirSync(to).sort()).toEqual([...NAMES, "big.bin"].sort());
    for (const name of NAMES) {
      expect(readFileSync(join(to, name), "utf8")).toBe(`content of ${name}\n`);
    }
    const expected = readFileSync(`${source}/below/deeper/big.bin`);
    expect(readFileSync(join(to, "big.bin")).equals(expected)).toBe(true);
  });
});
