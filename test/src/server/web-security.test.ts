/** Who gets in, what a foreign page can do (nothing), and that no path leads out of a snapshot. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { apiRoutes } from "../../../src/server/web-server.ts";
import type { SessionInfo } from "../../../src/server/api.ts";
import { directory, file, symlink } from "../../helpers/expected-tree.ts";
import { MemoryRepository } from "../../helpers/memory-repository.ts";
import { PASSWORD, type TestUser, type TestWeb, serveWeb } from "../../helpers/web-server.ts";
import { type Answer, askRaw } from "../../helpers/webdav-server.ts";

let memory: MemoryRepository;
let web: TestWeb;
let user: TestUser;

beforeAll(async () => {
  memory = await MemoryRepository.create();
  await memory.addSnapshot(
    directory("", [
      directory("home", [
        file("a.txt", "inside"),
        symlink("absolute", "/etc/passwd"),
        symlink("up", "../../../../etc/passwd"),
        symlink("good", "../home/a.txt"),
        symlink("loop", "loop"),
      ]),
    ]),
  );
  web = await serveWeb(memory);
  user = await web.logIn();
});
afterAll(() => web.close());

function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  return web.ask(path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

function errorOf(answer: Answer): { code: string; message: string; retryAfterSeconds?: number } {
  return (JSON.parse(answer.text) as { error: { code: string; message: string } }).error;
}

/** Every route with its parameters filled in, so that one that is added cannot be forgotten. */
function everyRoute(): { method: string; path: string; isOpen: boolean; hasPath: boolean }[] {
  return apiRoutes(web.context).map(({ method, path, access }) => ({
    method,
    path: `/api${path.replace(/\{\w+\.\.\.\}/, "home/a.txt").replaceAll(/\{\w+\}/g, "latest")}`,
    isOpen: access === "everybody",
    hasPath: path.includes("...}"),
  }));
}

describe("without a session", () => {
  test("nothing but logging in is answered", async () => {
    const open: string[] = [];
    for (const { method, path, isOpen } of everyRoute()) {
      if (isOpen) {
        open.push(`${method} ${path}`);
        continue;
      }
      for (const used of method === "GET" ? ["GET", "HEAD"] : [method]) {
        const answer = await web.ask(path, { method: used });
        expect(answer.status, `${used} ${path}`).toBe(401);
        if (used !== "HEAD") expect(errorOf(answer).code).toBe("unauthenticated");
        expect(answer.headers["www-authenticate"], "no window of the browser").toBeUndefined();
      }
    }
    expect(open.toSorted()).toEqual(["GET /api/session", "POST /api/session"]);
  });

  test("also what does not exist is not told of", async () => {
    for (const path of ["/api", "/api/", "/api/nothing", "/api/snapshots/x", "/api/session/x"]) {
      expect(await web.ask(path), path).toMatchObject({ status: 401 });
    }
    expect(await web.ask("/api/snapshots", { method: "PUT" })).toMatchObject({ status: 401 });
  });

  test("a made-up cookie is none", async () => {
    const name = `forge_session_${web.port}`;
    for (const cookie of [
      `${name}=`,
      `${name}=x`,
      `${name}=${"A".repeat(32)}`,
      "forge_session=x",
    ]) {
      expect(await web.ask("/api/snapshots", { headers: { cookie } })).toMatchObject({
        status: 401,
      });
    }
  });
});

describe("logging in", () => {
  test("by the password: a cookie that scripts and other sites never see", async () => {
    const answer = await post("/api/session", { password: PASSWORD });
    expect(answer.status).toBe(200);
    expect(answer.headers["set-cookie"]).toHaveLength(1);
    expect(answer.headers["set-cookie"]?.[0]).toMatch(
      new RegExp(`^forge_session_${web.port}=[\\w-]{32}; HttpOnly; SameSite=Strict; Path=/$`),
    );
    const info = JSON.parse(answer.text) as SessionInfo;
    expect(info).toMatchObject({ authenticated: true, repository: "memory", hostname: "here" });
    expect(answer.text).not.toContain(answer.headers["set-cookie"]?.[0]?.slice(20, 40));
  });

  test("behind TLS the cookie stays there", async () => {
    const hosts = { isLoopback: true, allowed: ["backup.home"] };
    const proxied = await serveWeb(memory, { hosts });
    const answer = await proxied.ask("/api/session", {
      method: "POST",
      headers: {
        host: "backup.home",
        origin: "https://backup.home",
        "content-type": "application/json",
      },
      body: JSON.stringify({ password: PASSWORD }),
    });
    expect(answer.headers["set-cookie"]?.[0]).toMatch(/^forge_session=.*; Secure$/);
    await proxied.close();
  });

  test("composed and decomposed letters are the same password", async () => {
    const answer = await post("/api/session", { password: PASSWORD.normalize("NFD") });
    expect(answer.status).toBe(200);
  });

  test("a ticket works once, and not for ever", async () => {
    const { ticket, used } = web.context.sessions.issueTicket();
    expect(used.aborted).toBe(false);
    expect((await post("/api/session", { ticket })).status).toBe(200);
    expect(used.aborted).toBe(true);
    const again = await post("/api/session", { ticket });
    expect(again.status).toBe(401);
    expect(errorOf(again).message).toContain("used already");
    const late = web.context.sessions.issueTicket().ticket;
    web.clock.ms += 11 * 60_000;
    expect((await post("/api/session", { ticket: late })).status).toBe(401);
  });

  test("guessing is slowed down, and cannot keep the owner's link from working", async () => {
    const own = await serveWeb(memory);
    const attempt = (body: unknown): Promise<Answer> =>
      own.ask("/api/session", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
    for (let i = 0; i < 10; i++) {
      const wrong = i % 2 === 0 ? { password: "guess" } : { ticket: "guess" };
      expect((await attempt(wrong)).status).toBe(401);
    }
    const late = await attempt({ password: PASSWORD });
    expect(late.status).toBe(429);
    expect(late.headers["retry-after"]).toBe("1");
    expect(errorOf(late)).toMatchObject({ code: "too-many-attempts", retryAfterSeconds: 1 });
    expect((await attempt({ ticket: "guess" })).status).toBe(429);
    const { ticket } = own.context.sessions.issueTicket();
    expect((await attempt({ ticket })).status).toBe(200);
    own.clock.ms += 2000;
    expect((await attempt({ password: PASSWORD })).status).toBe(200);
    await own.close();
  });

  test("other things than a password and a ticket are no way in", async () => {
    for (const body of [
      {},
      [],
      null,
      "x",
      { password: 5 },
      { password: { $ne: "" } },
      { ticket: ["x"] },
    ]) {
      expect((await post("/api/session", body)).status, JSON.stringify(body)).toBe(400);
    }
  });

  test("ends by logging out, by twelve idle hours, and with all sessions before it", async () => {
    const first = await web.logIn();
    const call = { path: "/api/snapshots", of: (who: TestUser) => who.ask("/api/snapshots") };
    web.clock.ms += 11 * 3_600_000;
    expect((await call.of(first)).status).toBe(200);
    web.clock.ms += 11 * 3_600_000;
    expect((await call.of(first)).status).toBe(200);
    web.clock.ms += 13 * 3_600_000;
    expect((await call.of(first)).status).toBe(401);
    const second = await web.logIn();
    const out = await second.send("DELETE", "/api/session");
    expect(out.status).toBe(204);
    expect(out.headers["set-cookie"]?.[0]).toContain("Max-Age=0");
    expect((await call.of(second)).status).toBe(401);
    const third = await web.logIn();
    const again = await post("/api/session", { password: PASSWORD }, { cookie: third.cookie });
    expect(again.status).toBe(200);
    expect((await call.of(third)).status).toBe(401);
    user = await web.logIn();
  });

  test("a session that ends tells those who hold something for it", () => {
    const { sessions } = web.context;
    const { ticket } = sessions.issueTicket();
    const headers = { host: "localhost", cookie: "" };
    const request = { headers, socket: {} } as never;
    let cookie = "";
    const response = { setHeader: (_: string, value: string) => (cookie = value) } as never;
    const session = sessions.logInByTicket({ request, response }, ticket);
    expect(session.ended.aborted).toBe(false);
    headers.cookie = cookie.split(";")[0] ?? "";
    sessions.logOut({ request, response });
    expect(session.ended.aborted).toBe(true);
  });
});

describe("foreign pages", () => {
  test("what changes something needs the token of its own session", async () => {
    const other = await web.logIn();
    for (const { method, path, isOpen } of everyRoute()) {
      if (method === "GET" || isOpen) continue;
      for (const token of [undefined, "", "x", other.csrf, `${user.csrf}x`]) {
        const headers = token === undefined ? {} : { "x-forge-csrf": token };
        const answer = await user.ask(path, { method, headers });
        expect(answer.status, `${method} ${path} with ${String(token)}`).toBe(403);
        expect(errorOf(answer).code).toBe("forbidden");
      }
    }
    expect((await user.ask("/api/snapshots")).status).toBe(200);
  });

  test("of other origins, ports and names are refused on every route and on the pages", async () => {
    const own = `127.0.0.1:${web.port}`;
    const routes = everyRoute().concat([
      { method: "GET", path: "/", isOpen: true, hasPath: false },
      { method: "GET", path: "/api/none", isOpen: true, hasPath: false },
    ]);
    for (const { method, path } of routes) {
      const send = async (headers: Record<string, string>): Promise<number> =>
        (await user.ask(path, { method, headers: { "x-forge-csrf": user.csrf, ...headers } }))
          .status;
      for (const origin of [
        "http://evil.example",
        "null",
        "http://127.0.0.1:1",
        `https://${own}`,
      ]) {
        expect(await send({ origin }), `${method} ${path} from ${origin}`).toBe(403);
      }
      for (const host of ["evil.example", `evil.example:${web.port}`, "localhost.evil.example"]) {
        expect(await send({ host }), `${method} ${path} as ${host}`).toBe(421);
      }
      if (!path.startsWith("/api")) continue;
      for (const site of ["cross-site", "same-site"]) {
        for (const mode of ["no-cors", "navigate"]) {
          const headers = { "sec-fetch-site": site, "sec-fetch-mode": mode };
          expect(await send(headers), `${method} ${path} from a ${site} page`).toBe(403);
        }
      }
    }
  });

  test("a form cannot log anybody in, and no other type of body is read", async () => {
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data",
      "",
    ]) {
      const answer = await post("/api/session", { password: PASSWORD }, { "content-type": type });
      expect(answer.status, type).toBe(415);
    }
  });
});

describe("bodies and methods", () => {
  test("too long a body is refused, whether it says so or not", async () => {
    const long = JSON.stringify({ password: "x".repeat(100_000) });
    const said = await web.ask("/api/session", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: long,
    });
    expect(said.status).toBe(413);
    expect(errorOf(said).code).toBe("too-large");
    const line = await askRaw(
      web.port,
      `POST /api/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
        `Transfer-Encoding: chunked\r\n\r\n${long.length.toString(16)}\r\n${long}\r\n0\r\n\r\n`,
    );
    expect(line).toContain("413");
  });

  test("a body that is no JSON", async () => {
    for (const body of ["", "{", "\u0000", Buffer.from([0xff, 0xfe])]) {
      const headers = { "content-type": "application/json" };
      const answer = await web.ask("/api/session", { method: "POST", headers, body });
      expect(answer.status).toBe(400);
    }
  });

  test("other methods are named those there are", async () => {
    for (const method of ["PUT", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "POST"]) {
      const answer = await user.ask("/api/snapshots", { method });
      expect(answer.status, method).toBe(405);
      expect(answer.headers.allow).toBe("GET, HEAD");
      expect((await web.ask("/", { method: "PUT" })).status).toBe(200);
    }
    expect((await user.ask("/api/nothing")).status).toBe(404);
  });

  test("HEAD is GET without a body", async () => {
    for (const { method, path } of everyRoute()) {
      if (method !== "GET") continue;
      const get = await user.ask(path);
      const head = await user.ask(path, { method: "HEAD" });
      expect(head.status, path).toBe(get.status);
      expect(head.text).toBe("");
      expect(head.headers["content-type"]).toBe(get.headers["content-type"]);
    }
  });
});

describe("every answer", () => {
  test("is of a type that is not guessed, framed, kept or read by others", async () => {
    const wanted = {
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "x-frame-options": "DENY",
    };
    const answers = [
      await web.ask("/"),
      await web.ask("/api/session"),
      await web.ask("/api/snapshots"),
      await user.ask("/api/snapshots"),
      await user.ask("/api/nothing"),
      await user.ask("/api/snapshots/latest/folder/home"),
      await user.ask("/api/snapshots/latest/file/home/a.txt"),
      await web.ask("/", { headers: { host: "evil.example" } }),
    ];
    for (const { headers } of answers) {
      expect(headers).toMatchObject(wanted);
      expect(headers["content-security-policy"]).toContain("default-src 'none'");
      expect(headers["x-powered-by"]).toBeUndefined();
      expect(headers["access-control-allow-origin"]).toBeUndefined();
      expect(headers["cache-control"]).toMatch(/^no-store$|^private, no-cache$/);
    }
  });
});

describe("paths", () => {
  const SPELLINGS = [
    "..",
    "../",
    "../../../../etc/passwd",
    "%2e%2e",
    "%2E%2E/%2E%2E/etc/passwd",
    ".%2e/.%2e/etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%5c..%5cetc%5cpasswd",
    "..\\..\\etc\\passwd",
    "%252e%252e/%252e%252e/etc/passwd",
    "%252e%252e%252f",
    "%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd",
    "%c0%af",
    "%e0%80%ae",
    "%00",
    "a.txt%00.png",
    "%",
    "%zz",
    "%2",
    ".",
    "%2e",
    "....//....//etc/passwd",
    "..;/etc/passwd",
    "/etc/passwd",
    "//etc/passwd",
    "%2fetc%2fpasswd",
    "a.txt/..",
    "a.txt/",
    "a.txt/.",
    "absolute/x",
    "up",
    "absolute",
  ];

  test("no spelling reads anything but what is in the snapshot", async () => {
    for (const { method, path, hasPath } of everyRoute()) {
      if (!hasPath || method !== "GET") continue;
      for (const spelling of SPELLINGS) {
        for (const at of ["home/", ""]) {
          const asked = path.replace("home/a.txt", `${at}${spelling}`);
          const { status, text } = await user.ask(asked);
          expect(text, asked).not.toContain("root:");
          expect(status < 500, `${asked} was answered ${status}`).toBe(true);
          if (status !== 200) expect(Object.keys(JSON.parse(text) as object)).toEqual(["error"]);
          if (/^(\.|%2e){2}(\/|$)|%2f|%00|%zz|%$|%2$/i.test(spelling)) {
            expect(status, asked).toBe(400);
          }
        }
      }
    }
    expect(web.errors).toEqual([]);
  });

  test("the place of a snapshot takes no path either", async () => {
    for (const id of [
      "..",
      "%2e%2e",
      "../..",
      "%00",
      "latest%00",
      "a%2fb",
      "x".repeat(5000),
      "%",
    ]) {
      const { status } = await user.ask(`/api/snapshots/${id}/folder/`);
      expect([400, 404], id).toContain(status);
    }
  });

  test("links lead to what is in the snapshot, or nowhere", async () => {
    const entry = async (name: string): Promise<{ targetPath?: string }> =>
      user.json(`/api/snapshots/latest/entry/home/${name}`);
    expect((await entry("good")).targetPath).toBe("home/a.txt");
    for (const name of ["absolute", "up", "loop"]) {
      expect((await entry(name)).targetPath, name).toBeUndefined();
      expect((await user.ask(`/api/snapshots/latest/file/home/${name}`)).status).toBe(404);
      expect((await user.ask(`/api/snapshots/latest/text/home/${name}`)).status).toBe(404);
      expect((await user.ask(`/api/snapshots/latest/folder/home/${name}`)).status).toBe(404);
    }
  });
});
