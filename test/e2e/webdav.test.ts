/** The drive as its clients see it: curl, cadaver, rclone and davfs2, against the built forge. */
import { createHash } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Ended, ForgeWorld, buildForge, runProgram } from "../helpers/forge-program.ts";
import { type ForgeServer, endServers, startServer } from "../helpers/forge-server.ts";
import { hasProgram, need, needFuse } from "../helpers/need.ts";

const PASSWORD = "a:b+c/d é";
const NAMES = [
  "plain.txt",
  "with space.txt",
  "a+b.txt",
  "#hash",
  "why?",
  "100%.txt",
  "%41",
  "a&b<c>'d\"",
  "Grüße-😀",
  "\u202eright to left",
  "back\\slash",
];
let world: ForgeWorld;
let source: string;
let drive: ForgeServer;
/** The folder in the newest snapshot. */
let base: string;

beforeAll(async () => {
  buildForge();
  world = new ForgeWorld();
  source = world.path("data");
  for (const name of NAMES) world.write(`data/names/${name}`, `content of ${name}\n`);
  world.write("data/big.bin", Buffer.alloc(5_000_001, "0123456789abcdef-"));
  world.write("data/empty", "");
  world.write("data/page.html", "<script>alert(1)</script>");
  world.write("data/tool.sh", "#!/bin/sh\n");
  chmodSync(`${source}/tool.sh`, 0o755);
  for (let i = 0; i < 100; i++) world.write(`data/many/file ${i}.txt`, `number ${i}\n`);
  symlinkSync("names/plain.txt", `${source}/link`);
  symlinkSync("many", `${source}/folder-link`);
  symlinkSync("/etc/passwd", `${source}/outside`);
  world.init();
  // More than the buffers of a connection hold, and nothing on the disk.
  truncateSync(world.write("long/zeros", ""), 200_000_000);
  world.ok(["backup", world.path("long"), "--host", "long"]);
  world.ok(["backup", source, "--tag", "daily", "--host", "laptop"]);
  drive = await startServer(world, "webdav", [], { env: { FORGE_HTTP_PASSWORD: PASSWORD } });
  base = `${drive.url}snapshots/latest${source}`;
});
afterAll(() => {
  endServers();
  world.remove();
});

async function run(program: string, words: readonly string[], input = ""): Promise<Ended> {
  const environment = world.environment({ LC_ALL: "C.UTF-8", FORGE_PASSPHRASE: undefined });
  return runProgram(program, words, { env: environment, input, cwd: world.folder });
}

async function curl(...words: readonly string[]): Promise<Ended> {
  return run("curl", ["-sS", "--max-time", "30", "-u", `forge:${PASSWORD}`, ...words]);
}

function md5(bytes: Buffer): string {
  return createHash("md5").update(bytes).digest("hex");
}

/** Path below `folder` → md5, links followed, those that lead outside left out. */
function sums(folder: string, below = ""): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(join(folder, below))) {
    const path = join(below, name);
    if (name === "outside") continue;
    if (statSync(join(folder, path)).isDirectory()) Object.assign(found, sums(folder, path));
    else found[path] = md5(readFileSync(join(folder, path)));
  }
  return found;
}

describe("forge webdav", () => {
  test.each(["SIGINT", "SIGTERM"] as const)(
    "makes a password, says where it serves, and ends with 0 on %s",
    async (signal) => {
      const own = await startServer(world, "webdav");
      expect(own.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
      expect(own.password).toMatch(/^[\w-]{20}$/);
      const answer = await fetch(own.url, {
        headers: { authorization: `Basic ${btoa(`forge:${String(own.password)}`)}` },
      });
      expect(answer.status).toBe(200);
      expect(await answer.text()).toContain("snapshots");
      expect((await fetch(own.url)).status).toBe(401);
      expect(await own.stop(signal)).toMatchObject({ code: 0 });
    },
  );

  test("ends although somebody reads slowly, and says nothing of failures", async () => {
    const own = await startServer(world, "webdav");
    const url = `${own.url}hosts/long/latest${world.path("long/zeros")}`;
    const headers = { authorization: `Basic ${btoa(`forge:${String(own.password)}`)}` };
    const answer = await fetch(url, { headers });
    const { code, stderr } = await own.stop();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    // What the reader gets is broken off, never a shorter file.
    await expect(answer.arrayBuffer()).rejects.toThrow();
  });

  test("filters, templates and a password of one's own", async () => {
    const file = world.write("password", "from a file\n");
    chmodSync(file, 0o600);
    const words = ["--password-file", file, "--path-template", "%h/%i", "--host", "laptop"];
    const own = await startServer(world, "webdav", words);
    expect(own.password).toBeUndefined();
    const headers = { authorization: `Basic ${btoa("forge:from a file")}`, depth: "1" };
    const { status } = await fetch(`${own.url}laptop/`, { method: "PROPFIND", headers });
    expect(status).toBe(207);
    expect(await own.stop()).toMatchObject({ code: 0 });
  });

  test("what cannot be served is said before anything is asked for", () => {
    const unlocked = { env: { FORGE_PASSPHRASE: undefined } };
    const open = world.run(["webdav", "--listen", "0.0.0.0:0"], unlocked);
    expect(open).toMatchObject({ code: 2 });
    expect(open.stderr).toContain("--insecure-http");
    expect(world.run(["webdav", "--listen", "nonsense"], unlocked)).toMatchObject({ code: 2 });
    expect(world.run(["webdav", "--tls-cert", "x"], unlocked).stderr).toContain("belong together");
    expect(world.run(["webdav", "--password-file", "/absent"], unlocked)).toMatchObject({
      code: 1,
    });
    const port = new URL(drive.url).port;
    const taken = world.run(["webdav", "--listen", port]);
    expect(taken).toMatchObject({ code: 1 });
    expect(taken.stderr).toContain("another program does already");
  });
});

describe.skipIf(!need(hasProgram("curl"), "curl"))("curl", () => {
  test("gets files, and parts of them", async () => {
    const big = readFileSync(`${source}/big.bin`);
    const whole = await curl(`${base}/big.bin`);
    expect(md5(whole.bytes)).toBe(md5(big));
    const part = await curl("-r", "1000000-1999999", `${base}/big.bin`);
    expect(part.bytes.equals(big.subarray(1_000_000, 2_000_000))).toBe(true);
    const tail = await curl("-r", "-10", `${base}/big.bin`);
    expect(tail.bytes.equals(big.subarray(-10))).toBe(true);
  });

  test("goes on with a download that broke off", async () => {
    const big = readFileSync(`${source}/big.bin`);
    const path = world.write("partial.bin", big.subarray(0, 2_000_000));
    expect(await curl("-C", "-", "-o", path, `${base}/big.bin`)).toMatchObject({ code: 0 });
    expect(md5(readFileSync(path))).toBe(md5(big));
  });

  test("sees inert content, and read-only answers", async () => {
    const { stdout } = await curl("-I", `${base}/page.html`);
    expect(stdout).toContain("Content-Security-Policy: sandbox; default-src 'none'");
    expect(stdout).toContain('Content-Disposition: attachment; filename="page.html"');
    const put = ["-o", "/dev/null", "-w", "%{http_code}", "-T", `${source}/big.bin`];
    expect((await curl(...put, `${base}/new`)).stdout).toBe("403");
    const status = ["-o", "/dev/null", "-w", "%{http_code}"];
    expect((await curl(...status, "-X", "DELETE", `${base}/empty`)).stdout).toBe("403");
    expect((await curl(...status, "--path-as-is", `${base}/../data/empty`)).stdout).toBe("400");
    expect((await curl(...status, "-H", "Host: evil.example", base)).stdout).toBe("421");
    expect((await curl(...status, "-u", "forge:wrong", base)).stdout).toBe("401");
  });
});

const tlsTools = need(hasProgram("curl") && hasProgram("openssl"), "curl and openssl");
describe.skipIf(!tlsTools)("TLS", () => {
  test("with a certificate of one's own", async () => {
    const [cert, key] = [world.path("cert.pem"), world.path("key.pem")];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const made = ["req", "-x509", ...curve, "-days", "2", ...subject, "-out", cert, "-keyout", key];
    expect(await run("openssl", made)).toMatchObject({ code: 0 });
    const own = await startServer(world, "webdav", ["--tls-cert", cert, "--tls-key", key]);
    expect(own.url).toMatch(/^https:/);
    const user = ["-u", `forge:${String(own.password)}`];
    const got = await run("curl", ["-sS", "--cacert", cert, ...user, own.url]);
    expect(got).toMatchObject({ code: 0 });
    expect(got.stdout).toContain("snapshots");
    expect(await own.stop()).toMatchObject({ code: 0 });
  });
});

describe.skipIf(!need(hasProgram("cadaver"), "cadaver"))("cadaver", () => {
  test("lists and gets", async () => {
    const { hostname, pathname } = new URL(base);
    // Its netrc takes no spaces in passwords.
    const own = await startServer(world, "webdav");
    const login = `machine ${hostname} login forge password ${String(own.password)}\n`;
    writeFileSync(world.path("home", ".netrc"), login, { mode: 0o600 });
    mkdirSync(world.path("got"));
    const commands = [
      `lcd ${world.path("got")}`,
      `cd ${pathname}`,
      "ls",
      "get big.bin",
      "cd names",
      'get "with space.txt"',
      'get "#hash"',
      "put big.bin",
      "quit",
    ];
    const { stdout, code } = await run("cadaver", [own.url], `${commands.join("\n")}\n`);
    expect(code, stdout).toBe(0);
    expect(stdout).toMatch(/Coll:\s+names/);
    expect(stdout).toMatch(/big\.bin\s+5000001/);
    expect(stdout).toMatch(/Uploading .*403 Forbidden/s);
    const got = sums(world.path("got"));
    expect(got).toEqual({
      "big.bin": md5(readFileSync(`${source}/big.bin`)),
      "with space.txt": md5(readFileSync(`${source}/names/with space.txt`)),
      "#hash": md5(readFileSync(`${source}/names/#hash`)),
    });
    await own.stop();
  });
});

describe.skipIf(!need(hasProgram("rclone"), "rclone"))("rclone", () => {
  test("copies everything, links inside of the snapshot as what they point at", async () => {
    const pass = (await run("rclone", ["obscure", PASSWORD])).stdout.trim();
    const to = world.path("copied");
    const access = ["--webdav-url", base, "--webdav-user", "forge", "--webdav-pass", pass];
    const config = ["--config", world.path("home", "rclone.conf")];
    const copied = await run("rclone", ["copy", ":webdav:", to, ...access, ...config]);
    expect(copied.code, copied.stderr).toBe(0);
    expect(sums(to)).toEqual(sums(source));
  });
});

const davfs = hasProgram("mount.davfs") && process.geteuid?.() === 0;
const mountable = need(davfs, "davfs2 and root") && needFuse();
describe.skipIf(!mountable)("davfs2", () => {
  test("mounts the drive; every file is equal", async () => {
    const at = world.path("davfs");
    const cache = world.path("davfs-cache");
    mkdirSync(at);
    mkdirSync(cache);
    // It works as a user of its own.
    chmodSync(world.folder, 0o755);
    chmodSync(cache, 0o777);
    const secret = PASSWORD.replace(/["\\]/g, "\\$&");
    const secrets = world.write("davfs-secrets", `"${base}" forge "${secret}"\n`);
    chmodSync(secrets, 0o600);
    // Linux 6.16 and later refuse the size of buffer that davfs2 asks for by itself.
    const settings = `secrets ${secrets}\ncache_dir ${cache}\nbuf_size 256\nask_auth 0\nuse_locks 0\n`;
    const config = world.write("davfs.conf", settings);
    const mounted = await run("mount.davfs", [base, at, "-o", `ro,conf=${config}`]);
    expect(mounted.code, mounted.stderr).toBe(0);
    try {
      const command = "find . -type f -print0 | sort -z | xargs -0 md5sum";
      const list = async (folder: string): Promise<string> =>
        (await run("sh", ["-c", `cd "${folder}" && ${command}`])).stdout;
      // Where the links lead is a file or a folder here.
      const seen = (await list(at)).split("\n");
      const files = (await list(source)).split("\n");
      expect(files.length).toBeGreaterThan(100 + NAMES.length);
      expect(files.filter((line) => !seen.includes(line))).toEqual([]);
      expect(
        seen.filter((line) => !files.includes(line) && !/ \.\/(folder-)?link/.test(line)),
      ).toEqual([]);
      expect((await run("stat", ["-c", "%A", `${at}/tool.sh`])).stdout).toContain("x");
    } finally {
      expect(await run("umount", [at])).toMatchObject({ code: 0 });
    }
  });
});
