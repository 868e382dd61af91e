import { createServer } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { utf8 } from "../../../engine/base/bytes.ts";
import { Gate, passwordFrom, randomPassword } from "../../../src/server/auth.ts";
import { type Answer, ask, listening } from "../../helpers/webdav-server.ts";

const PASSWORD = "pass:wörd+/ ü";
const closers: (() => void)[] = [];
afterEach(() => closers.splice(0).forEach((close) => close()));

/** A server behind a gate, with a clock that the test moves. */
async function guarded(): Promise<{
  try: (user: string, password: string) => Promise<Answer>;
  send: (authorization?: string) => Promise<Answer>;
  clock: { ms: number };
}> {
  const clock = { ms: 1000 };
  const gate = new Gate({ password: PASSWORD, now: () => clock.ms });
  const server = createServer((request, response) => {
    if (gate.admits(request, response)) response.end("in");
  });
  const port = await listening(server);
  closers.push(() => server.close());
  const send = (authorization?: string): Promise<Answer> =>
    ask(port, "/", { headers: authorization === undefined ? {} : { authorization } });
  return {
    clock,
    send,
    try: (user, password) =>
      send(`Basic ${Buffer.from(`${user}:${password}`, "utf8").toString("base64")}`),
  };
}

describe("Basic authentication", () => {
  test("lets in who knows the password, with colons, plus and other letters in it", async () => {
    const { try: attempt } = await guarded();
    expect(await attempt("forge", PASSWORD)).toMatchObject({ status: 200, text: "in" });
    expect(await attempt("forge", PASSWORD.normalize("NFD"))).toMatchObject({ status: 200 });
  });

  test("asks everybody else", async () => {
    const { send, try: attempt } = await guarded();
    const { status, headers } = await send();
    expect(status).toBe(401);
    expect(headers["www-authenticate"]).toBe('Basic realm="forge", charset="UTF-8"');
    for (const header of ["", "Basic", "Basic !", "Bearer x", "Digest a", "Basic Zm9yZ2U="]) {
      expect(await send(header), header).toMatchObject({ status: 401 });
    }
    expect(await attempt("root", PASSWORD)).toMatchObject({ status: 401 });
    expect(await attempt("", PASSWORD)).toMatchObject({ status: 401 });
    expect(await attempt("forge", "")).toMatchObject({ status: 401 });
  });

  test("many wrong passwords: 429, longer each time, and not even the right one is looked at", async () => {
    const { try: attempt, clock } = await guarded();
    for (let i = 0; i < 10; i++) expect((await attempt("forge", "wrong")).status).toBe(401);
    const late = await attempt("forge", PASSWORD);
    expect(late.status).toBe(429);
    expect(late.headers["retry-after"]).toBe("1");
    clock.ms += 1000;
    expect((await attempt("forge", "wrong")).status).toBe(401);
    expect((await attempt("forge", "wrong")).headers["retry-after"]).toBe("2");
    for (let i = 0; i < 20; i++) {
      clock.ms += 60_000;
      expect((await attempt("forge", "wrong")).status).toBe(401);
    }
    expect((await attempt("forge", "wrong")).headers["retry-after"]).toBe("60");
    clock.ms += 60_000;
    expect((await attempt("forge", PASSWORD)).status).toBe(200);
    // Forgiven.
    expect((await attempt("forge", "wrong")).status).toBe(401);
  });

  test("asking without a password costs nothing: drives do so before each connection", async () => {
    const { send, try: attempt } = await guarded();
    for (let i = 0; i < 30; i++) expect((await send()).status).toBe(401);
    expect((await attempt("forge", PASSWORD)).status).toBe(200);
  });
});

describe("passwords", () => {
  test("from a file are one line", () => {
    expect(passwordFrom(utf8("hunter2\n"), "x")).toBe("hunter2");
    expect(passwordFrom(utf8("hunter2 \r\n"), "x")).toBe("hunter2 ");
    for (const text of ["", "\n", "a\nb\n"]) {
      expect(() => passwordFrom(utf8(text), "--password-file")).toThrow("--password-file");
    }
  });

  test("that are made are long and never the same", () => {
    expect(randomPassword()).toMatch(/^[\w-]{20}$/);
    expect(randomPassword()).not.toBe(randomPassword());
  });
});
