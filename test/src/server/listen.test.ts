import type { IncomingMessage, ServerResponse } from "node:http";
import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { type HostRules, admitsHost } from "../../../src/server/host-check.ts";
import {
  type Listener,
  listen,
  parseListenAddress,
  planListener,
} from "../../../src/server/listen.ts";
import { ask, askRaw } from "../../helpers/webdav-server.ts";

const open: Listener[] = [];
afterEach(async () => {
  for (const listener of open.splice(0)) await listener.close();
});

async function serve(rules: HostRules): Promise<number> {
  const plan = await planListener({ host: "127.0.0.1", port: 0 }, { insecureHttp: false });
  const listener = await listen(plan, (request, response) => {
    if (admitsHost(request, response, rules)) response.end("in");
  });
  open.push(listener);
  expect(listener.url).toBe(`http://127.0.0.1:${listener.port}/`);
  return listener.port;
}

describe("addresses", () => {
  test.each([
    ["127.0.0.1:8484", "127.0.0.1", 8484],
    ["8484", "127.0.0.1", 8484],
    ["[::1]:80", "::1", 80],
    ["localhost:0", "localhost", 0],
    ["0.0.0.0:443", "0.0.0.0", 443],
  ])("%s", (text, host, port) => {
    expect(parseListenAddress(text)).toEqual({ host, port });
  });

  test.each([
    "",
    ":80",
    "localhost",
    "127.0.0.1:",
    "127.0.0.1:70000",
    "::1:80",
    "http://x:80",
    "a:b",
  ])('"%s" is none', (text) => {
    expect(() => parseListenAddress(text)).toThrow("such as 127.0.0.1:8484");
  });

  test("beyond this machine TLS is needed, or a word that it is not", async () => {
    for (const host of ["0.0.0.0", "::", "192.168.1.2"]) {
      await expect(planListener({ host, port: 1 }, { insecureHttp: false })).rejects.toThrow(
        "--insecure-http",
      );
      const plan = await planListener({ host, port: 1 }, { insecureHttp: true });
      expect(plan.isLoopback).toBe(false);
    }
    for (const host of ["127.0.0.1", "127.8.9.10", "::1", "localhost"]) {
      const plan = await planListener({ host, port: 1 }, { insecureHttp: false });
      expect(plan.isLoopback).toBe(true);
    }
  });

  test("one that is taken is said to be", async () => {
    const port = await serve({ isLoopback: true, allowed: [] });
    const plan = await planListener({ host: "127.0.0.1", port }, { insecureHttp: false });
    await expect(listen(plan, () => undefined)).rejects.toThrow("another program does already");
  });

  test("a certificate that is none is said to be", async () => {
    const tls = { cert: Buffer.from("no"), key: Buffer.from("no") };
    const plan = await planListener({ host: "127.0.0.1", port: 0 }, { insecureHttp: false, tls });
    await expect(listen(plan, () => undefined)).rejects.toThrow("--tls-cert and --tls-key");
  });
});

describe("clients that hold a connection and do not get on", () => {
  /** What the server says to somebody who sends `first`, then a byte now and then, until it hangs up. */
  async function dribble(first: string, byte: string): Promise<string> {
    const plan = await planListener({ host: "127.0.0.1", port: 0 }, { insecureHttp: false });
    const times = { headersMs: 150, requestMs: 300, checkMs: 30 };
    const wait = (request: IncomingMessage, response: ServerResponse): void => {
      request.resume().on("end", () => response.end("in"));
    };
    const listener = await listen(plan, wait, times);
    open.push(listener);
    const socket = connect(listener.port, "127.0.0.1", () => socket.write(first));
    const more = setInterval(() => socket.write(byte), 40);
    let said = "";
    socket.on("data", (part) => (said += part.toString("latin1")));
    socket.on("error", () => undefined);
    await new Promise((resolve) => socket.once("close", resolve));
    clearInterval(more);
    return said;
  }

  test("in the header", async () => {
    expect(await dribble("GET / HTTP/1.1\r\nHost: localhost\r\nX: ", "x")).toMatch(
      /^HTTP\/1.1 408 /,
    );
  });

  test("in the body", async () => {
    const head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n";
    expect(await dribble(head, "x")).not.toContain("200");
  });

  test("while others are served", async () => {
    const port = await serve({ isLoopback: true, allowed: [] });
    const slow = Array.from({ length: 200 }, () => {
      const socket = connect(port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\n"));
      socket.on("error", () => undefined);
      return socket;
    });
    await Promise.all(
      slow.map((socket) => new Promise((resolve) => socket.once("connect", resolve))),
    );
    expect((await ask(port, "/")).status).toBe(200);
    for (const socket of slow) socket.destroy();
  });
});

describe("the end", () => {
  test("does not wait for connections that nobody uses", async () => {
    const port = await serve({ isLoopback: true, allowed: [] });
    const idle = connect(port, "127.0.0.1");
    await new Promise((resolve) => idle.once("connect", resolve));
    const closed = new Promise((resolve) => idle.once("close", resolve));
    idle.on("error", () => undefined);
    await open.pop()?.close();
    await closed;
  });
});

describe("names and origins", () => {
  const own = { isLoopback: true, allowed: ["backup.home"] };

  test.each([
    ["localhost", 200],
    ["LOCALHOST:9999", 200],
    ["forge.localhost", 200],
    ["127.0.0.1:8484", 200],
    ["[::1]:8484", 200],
    ["backup.home", 200],
    ["evil.example", 421],
    ["127.0.0.1.evil.example", 421],
    ["localhost.evil.example:8484", 421],
    ["192.168.1.2", 421],
  ])("on loopback, Host %s → %i", async (host, status) => {
    expect(await ask(await serve(own), "/", { headers: { host } })).toMatchObject({ status });
  });

  test("a proxy that speaks TLS is let through by the name that was allowed", async () => {
    const port = await serve(own);
    const from = async (host: string, origin: string): Promise<number> =>
      (await ask(port, "/", { headers: { host, origin } })).status;
    expect(await from("backup.home", "https://backup.home")).toBe(200);
    expect(await from("backup.home", "http://backup.home")).toBe(200);
    expect(await from("backup.home", "https://evil.example")).toBe(403);
    expect(await from("localhost", "https://backup.home")).toBe(403);
  });

  test("beyond loopback any name will do, for who knows the password", async () => {
    const port = await serve({ isLoopback: false, allowed: [] });
    expect(await ask(port, "/", { headers: { host: "nas.home" } })).toMatchObject({ status: 200 });
  });

  test("no Host at all", async () => {
    const port = await serve(own);
    expect(await askRaw(port, "GET / HTTP/1.0\r\n\r\n")).toContain("421");
    expect(await askRaw(port, "GET / HTTP/1.1\r\n\r\n")).toContain("400");
  });

  test.each<[Record<string, string>, number]>([
    [{ origin: "http://evil.example" }, 403],
    [{ origin: "null" }, 403],
    [{ origin: "https://localhost" }, 403],
    [{ origin: "http://localhost" }, 200],
    [{ "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }, 403],
    [{ "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }, 200],
    [{ "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors" }, 200],
    [{ "sec-fetch-site": "none", "sec-fetch-mode": "navigate" }, 200],
  ])("%j → %i", async (headers, status) => {
    const answer = await ask(await serve(own), "/", { headers: { host: "localhost", ...headers } });
    expect(answer).toMatchObject({ status });
  });
});
