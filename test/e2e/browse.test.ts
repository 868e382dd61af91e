/** `forge browse` as it is started: who is let in, what is opened, and how it ends. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, readFileSync, symlinkSync } from "node:fs";
import { request } from "node:https";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FolderPage, SnapshotList } from "../../src/server/api.ts";
import { logInTo } from "../helpers/browser-login.ts";
import { ForgeWorld, buildForge, ending } from "../helpers/forge-program.ts";
import { type ForgeServer, endServers, startServer } from "../helpers/forge-server.ts";
import { hasProgram, need } from "../helpers/need.ts";

let world: ForgeWorld;
let source: string;
let encodedSource: string;

beforeAll(() => {
  buildForge();
  world = new ForgeWorld();
  source = world.path("data");
  encodedSource = source.slice(1);
  world.write("data/a.txt", "hello\n");
  world.write("data/big.bin", Buffer.alloc(5_000_001, "0123456789abcdef-"));
  symlinkSync("a.txt", `${source}/link`);
  world.init();
  world.ok(["backup", source, "--host", "laptop"]);
  world.ok(["backup", source, "--host", "server"]);
});
afterAll(() => {
  endServers();
  world.remove();
});

async function get(own: ForgeServer, path: string, cookie: string): Promise<Response> {
  return fetch(`${own.url}${path}`, { headers: { cookie } });
}

describe("forge browse", () => {
  test.each(["SIGINT", "SIGTERM"] as const)(
    "makes a password, shows files to who has it, and ends with 0 on %s",
    async (signal) => {
      const own = await startServer(world, "browse");
      expect(own.password).toMatch(/^[\w-]{20}$/);
      const page = await fetch(own.url);
      expect(page.status).toBe(200);
      expect(await page.text()).toMatch(/^<!doctype html>/i);
      expect((await get(own, "api/snapshots", "")).status).toBe(401);
      await expect(logInTo(own.url, { password: "wrong" })).rejects.toThrow("401");
      const { cookie } = await logInTo(own.url, { password: String(own.password) });
      const { snapshots } = (await (
        await get(own, "api/snapshots", cookie)
      ).json()) as SnapshotList;
      expect(snapshots.map(({ hostname }) => hostname)).toEqual(["server", "laptop"]);
      const at = `api/snapshots/latest/folder/${encodedSource}`;
      const { entries } = (await (await get(own, at, cookie)).json()) as FolderPage;
      expect(entries.map(({ name }) => name)).toEqual(["a.txt", "big.bin", "link"]);
      const path = `api/snapshots/latest/file/${encodedSource}/big.bin`;
      const bytes = Buffer.from(await (await get(own, path, cookie)).arrayBuffer());
      const md5 = (of: Buffer): string => createHash("md5").update(of).digest("hex");
      expect(md5(bytes)).toBe(md5(readFileSync(`${source}/big.bin`)));
      expect(await own.stop(signal)).toEqual({ code: 0, stderr: "" });
    },
  );

  test("shows what a filter leaves, and a snapshot that was made meanwhile", async () => {
    const file = world.write("password", "from a file\n");
    chmodSync(file, 0o600);
    const own = await startServer(world, "browse", ["--host", "laptop", "--password-file", file]);
    expect(own.password).toBeUndefined();
    const { cookie } = await logInTo(own.url, { password: "from a file" });
    const list = async (): Promise<SnapshotList> =>
      (await (await get(own, "api/snapshots", cookie)).json()) as SnapshotList;
    const before = (await list()).snapshots.length;
    world.write("data/new.txt", "new\n");
    const made = world.ok(["backup", source, "--host", "laptop", "--json"]).stdout;
    const id = /"(?:id|snapshot)":"([0-9a-f]{64})"/.exec(made)?.[1] ?? "none";
    const at = `api/snapshots/${id}/file/${encodedSource}/new.txt`;
    expect(await (await get(own, at, cookie)).text()).toBe("new\n");
    expect((await list()).snapshots).toHaveLength(before + 1);
    expect(await own.stop()).toEqual({ code: 0, stderr: "" });
  });

  test("opens a browser by a private file with a link that works once", async () => {
    // In place of the desktop's: keeps what it was given, and tells nothing else.
    world.write(
      "bin/xdg-open",
      `#!/bin/sh\ncp -p "$1" "${world.path("opened")}"\nls -ld "$1" "\${1%/*}" >"${world.path("modes")}"\nprintf %s "$1" >"${world.path("argument")}"\n`,
    );
    chmodSync(world.path("bin/xdg-open"), 0o755);
    const child = world.start(["browse", "--listen", "127.0.0.1:0"], {
      env: { DISPLAY: ":99", PATH: `${world.path("bin")}:${process.env["PATH"] ?? ""}` },
    });
    const ended = ending(child);
    let said = "";
    child.stdout?.on("data", (text: Buffer) => (said += text.toString()));
    for (let i = 0; i < 200 && !existsSync(world.path("argument")); i++) await wait(50);
    await wait(50);
    const html = readFileSync(world.path("opened"), "utf8");
    const [, url = "", ticket = ""] =
      /url=(http:\/\/127\.0\.0\.1:\d+\/)#login=([\w-]{32})"/.exec(html) ?? [];
    expect(said).toContain(url);
    expect(said).not.toContain(ticket);
    const modes = readFileSync(world.path("modes"), "utf8");
    expect(modes).toMatch(/^-rw-------.*\/open\.html$/m);
    expect(modes).toMatch(/^drwx------/m);
    const file = readFileSync(world.path("argument"), "utf8");
    expect(file).not.toContain(ticket);
    expect(existsSync(file)).toBe(true);
    await logInTo(url, { ticket });
    expect(existsSync(file)).toBe(false);
    await expect(logInTo(url, { ticket })).rejects.toThrow("401");
    const password = /Password: (\S+)/.exec(said)?.[1] ?? "";
    await logInTo(url, { password });
    child.kill("SIGTERM");
    expect(await ended).toMatchObject({ code: 0 });
  });

  test("the private file is gone at the end although nobody used it", async () => {
    world.write("bin/xdg-open", `#!/bin/sh\nprintf %s "$1" >"${world.path("unused")}"\nexit 3\n`);
    chmodSync(world.path("bin/xdg-open"), 0o755);
    const child = world.start(["browse", "--listen", "127.0.0.1:0"], {
      env: { DISPLAY: ":99", PATH: `${world.path("bin")}:${process.env["PATH"] ?? ""}` },
    });
    const ended = ending(child);
    for (let i = 0; i < 200 && !existsSync(world.path("unused")); i++) await wait(50);
    await wait(100);
    const file = readFileSync(world.path("unused"), "utf8");
    expect(existsSync(file)).toBe(true);
    child.kill("SIGINT");
    expect(await ended).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("No browser") as string,
    });
    expect(existsSync(file)).toBe(false);
  });

  test("without a screen, or with --no-open, nothing is opened", async () => {
    const log = world.path("never");
    world.write("bin/xdg-open", `#!/bin/sh\ntouch "${log}"\n`);
    chmodSync(world.path("bin/xdg-open"), 0o755);
    const path = `${world.path("bin")}:${process.env["PATH"] ?? ""}`;
    for (const [words, DISPLAY] of [
      [["--no-open"], ":99"],
      [[], undefined],
    ] as const) {
      const child = world.start(["browse", "--listen", "127.0.0.1:0", ...words], {
        env: { DISPLAY, PATH: path },
      });
      const ended = ending(child);
      await new Promise((resolve) => child.stdout?.once("data", resolve));
      child.kill("SIGTERM");
      expect(await ended).toMatchObject({ code: 0 });
    }
    expect(existsSync(log)).toBe(false);
  });

  test("says in a sentence what it cannot do, before it asks for the passphrase", () => {
    const fails = (words: readonly string[], text: string): void => {
      const { code, stderr } = world.run(["browse", "--no-open", ...words], {
        env: { FORGE_PASSPHRASE: undefined },
      });
      expect(stderr).toContain(text);
      expect(code).toBe(2);
    };
    fails(["--listen", "0.0.0.0:0"], "--insecure-http");
    fails(["--listen", "nonsense"], "such as 127.0.0.1");
    fails(["--restore-to", world.path("none")], "--restore-to");
    fails(["--tls-cert", "x"], "--tls-key");
  });

  test.skipIf(!need(hasProgram("openssl"), "openssl"))(
    "over TLS the cookie is secure",
    async () => {
      const [cert, key] = [world.path("cert.pem"), world.path("key.pem")];
      execFileSync(
        "openssl",
        ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"].concat(
          ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
          ["-keyout", key, "-out", cert],
        ),
        { stdio: "ignore" },
      );
      const own = await startServer(world, "browse", ["--tls-cert", cert, "--tls-key", key]);
      const body = JSON.stringify({ password: own.password });
      const cookie = await new Promise<string | undefined>((resolve, reject) => {
        const headers = { "content-type": "application/json", "content-length": body.length };
        const options = { method: "POST", headers, ca: readFileSync(cert) };
        const sent = request(`${own.url}api/session`, options, (answer) => {
          answer.resume();
          resolve(answer.headers["set-cookie"]?.[0]);
        });
        sent.on("error", reject);
        sent.end(body);
      });
      expect(own.url).toMatch(/^https:/);
      expect(cookie).toMatch(/; HttpOnly; SameSite=Strict; Path=\/; Secure$/);
      await own.stop();
    },
  );
});
