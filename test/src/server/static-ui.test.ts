/** The pages of the file browser: what is cached, and that nothing beside them can be reached. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadStaticUi } from "../../../src/server/static-ui.ts";
import { type Answer, type AskOptions, ask, listening } from "../../helpers/webdav-server.ts";

const INDEX = "<!DOCTYPE html><title>forge</title>";
let folder: string;
let get: (path: string, options?: AskOptions) => Promise<Answer>;
let close: () => void;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "forge-ui-"));
  mkdirSync(join(folder, "ui/assets"), { recursive: true });
  writeFileSync(join(folder, "secret.txt"), "SECRET");
  writeFileSync(join(folder, "ui/index.html"), INDEX);
  writeFileSync(join(folder, "ui/favicon.svg"), "<svg/>");
  writeFileSync(join(folder, "ui/assets/index-B3dF_9-x.js"), "run()");
  writeFileSync(join(folder, "ui/assets/index-B3dF_9-x.css"), "a{}");
  symlinkSync("../../secret.txt", join(folder, "ui/assets/link.txt"));
  const ui = await loadStaticUi(join(folder, "ui"));
  const server = createServer(ui);
  const port = await listening(server);
  get = (path, options) => ask(port, path, options);
  close = () => server.close();
});
afterAll(() => {
  close();
  rmSync(folder, { recursive: true });
});

test("what has a hash in its name is kept, the page never", async () => {
  const script = await get("/assets/index-B3dF_9-x.js");
  expect(script).toMatchObject({ status: 200, text: "run()" });
  expect(script.headers["cache-control"]).toBe("private, max-age=31536000, immutable");
  expect(script.headers["content-type"]).toBe("text/javascript; charset=utf-8");
  const index = await get("/");
  expect(index.headers["cache-control"]).toBe("no-store");
  expect((await get("/favicon.svg")).headers["content-type"]).toBe("image/svg+xml");
});

test("every place in the app is the page, which brings a strict policy", async () => {
  const places = [
    "/",
    "/index.html",
    "/browse/latest/etc/passwd",
    "/search?q=%00",
    "/x%zz",
    "/a/../b",
  ];
  for (const path of places) {
    const { status, text, headers } = await get(path);
    expect({ status, text }, path).toEqual({ status: 200, text: INDEX });
    const policy = headers["content-security-policy"];
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self';");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
  }
});

test("nothing beside the pages is reached by any spelling", async () => {
  const ways = [
    "..",
    "%2e%2e",
    "..%2f",
    "%2e%2e%2f",
    "..%5c",
    "..\\",
    "%252e%252e",
    ".%00./",
    "//",
    "..;",
  ];
  for (const way of ways) {
    for (const path of [
      `/${way}/secret.txt`,
      `/assets/${way}/${way}/secret.txt`,
      `/${way}secret.txt`,
    ]) {
      expect((await get(path)).text, path).not.toContain("SECRET");
    }
  }
  expect(await get("/assets/link.txt")).toMatchObject({ status: 404 });
  expect(await get("/assets/none.js")).toMatchObject({ status: 404 });
  expect(await get("/assets/")).toMatchObject({ status: 404 });
});

test("pages are only read", async () => {
  const head = await get("/", { method: "HEAD" });
  expect(head).toMatchObject({ status: 200, text: "" });
  expect(head.headers["content-length"]).toBe(String(INDEX.length));
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
    const answer = await get("/", { method });
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe("GET, HEAD");
  }
});

test("pages that were not built are said to be missing", async () => {
  await expect(loadStaticUi(join(folder, "none"))).rejects.toThrow("npm run build");
});
