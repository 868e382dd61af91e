/**
 * 300 hostile names and contents that want to run, in Chromium: listed, opened as pages, and asked for
 * directly as documents. Nothing of a backup may run, whichever way a person comes to it.
 */
import { writeFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeName } from "../../../webdav/index.ts";
import { ForgeWorld, buildForge } from "../../helpers/forge-program.ts";
import { type ForgeServer, endServers, startServer } from "../../helpers/forge-server.ts";
import { hostileFiles, hostileNames } from "../../helpers/hostile-names.ts";
import { PASSWORD, launchChromium, needChromium, openLoggedIn } from "./chromium.ts";

/** Would tell that it ran in each way that is open to a script; `alert` opens a dialog. */
const SCRIPT = "window.hit=1;document.title='hit';new Image().src='/hit';alert(1)";
const HTML = `<!DOCTYPE html><title>x</title><script>${SCRIPT}</script><img src=x onerror="${SCRIPT}">`;
/** Words of the file page once its preview came, or did not. */
const SETTLED =
  /^\d+ lines?$|No preview|pixels|This file is empty|cannot be (shown|played)|could not be shown/;
const isThere = needChromium();
let world: ForgeWorld;
let source: string;
let site: ForgeServer;
let browser: Browser;
let names: readonly Uint8Array<ArrayBuffer>[];

beforeAll(async () => {
  if (!isThere) return;
  buildForge();
  world = new ForgeWorld();
  source = world.path("data");
  world.write("data/begin.txt", "");
  names = hostileNames(5);
  for (const name of names) {
    writeFileSync(Buffer.concat([Buffer.from(`${source}/`), name]), HTML);
  }
  for (const { name, content } of hostileFiles()) writeFileSync(`${source}/${name}`, content);
  world.init();
  // What people write themselves is shown as well.
  world.ok(["backup", source, "--host", "<b>host</b>", "--tag", "<img src=x onerror=alert(1)>"]);
  world.ok(["backup", source, "--label", '"><script>alert(1)</script>']);
  site = await startServer(world, "browse", ["--no-open"], {
    env: { FORGE_HTTP_PASSWORD: PASSWORD },
  });
  browser = await launchChromium();
}, 120_000);
afterAll(async () => {
  if (!isThere) return;
  await browser.close();
  endServers();
  world.remove();
});

/** A page that notes whatever a script of a backup could do. */
async function watched(): Promise<{ page: Page; ran: string[] }> {
  const { page } = await openLoggedIn(browser, site);
  const ran: string[] = [];
  page.on("dialog", (dialog) => {
    ran.push(`a dialog on ${page.url()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    if (new URL(request.url()).pathname === "/hit") ran.push(`a request on ${page.url()}`);
  });
  page.on("popup", (popup) => ran.push(`a window ${popup.url()}`));
  return { page, ran };
}

async function noteHit(page: Page, ran: string[], where: string): Promise<void> {
  if ((await page.evaluate("window.hit")) !== undefined) ran.push(`a script on ${where}`);
}

describe.skipIf(!isThere)("hostile names and contents", () => {
  test("the detector detects: the same content from another place does run", async () => {
    const { page, ran } = await watched();
    await page.route("**/control", (route) =>
      route.fulfill({ contentType: "text/html", body: HTML }),
    );
    await page.goto(`${site.url}control`);
    await expect.poll(() => ran.length).toBeGreaterThan(1);
    await noteHit(page, ran, "control");
    expect(ran).toContain("a script on control");
    await page.context().close();
  });

  test("are listed, searched and compared as text", async () => {
    const { page, ran } = await watched();
    for (const path of ["", `browse/latest${source}`, "search?q=%3Cscript", "search?q=svg"]) {
      await page.goto(site.url + path);
      await page.getByRole("grid").or(page.getByRole("list")).first().waitFor();
      for (let i = 0; i < 12; i++) {
        await page.keyboard.press("PageDown");
        await page.waitForTimeout(30);
      }
      await noteHit(page, ran, path);
    }
    expect(ran).toEqual([]);
    await page.context().close();
  });

  test("each opens as a page that shows it as text", async () => {
    const { page, ran } = await watched();
    const all = [
      ...names.map(encodeName),
      ...hostileFiles().map(({ name }) => encodeURIComponent(name)),
    ];
    expect(all.length).toBeGreaterThanOrEqual(300);
    const refused: string[] = [];
    await page.goto(`${site.url}file/latest${source}/begin.txt`);
    for (const name of all) {
      await page.getByText("Permissions").first().waitFor();
      const told = page.waitForResponse((answer) => answer.url().includes("/entry/"));
      // As a click does: the program stays, only what it shows is another.
      const path = JSON.stringify(`/file/latest${source}/${name}`);
      await page.evaluate(
        `history.pushState(null, "", ${path}); dispatchEvent(new PopStateEvent("popstate"))`,
      );
      if (!(await told).ok()) refused.push(name);
      await page.getByText(SETTLED).or(page.locator("audio, video, canvas")).first().waitFor();
      if ((await page.getByText("This page could not be shown").count()) > 0) refused.push(name);
    }
    expect(refused).toEqual([]);
    await noteHit(page, ran, "the last");
    expect(ran).toEqual([]);
    await page.context().close();
  }, 300_000);

  test("each asked for directly is saved or inert, and says so in its headers", async () => {
    const { page, ran } = await watched();
    const all = [
      ...names.map(encodeName),
      ...hostileFiles().map(({ name }) => encodeURIComponent(name)),
    ];
    for (const name of all) {
      for (const ending of ["", "?inline"]) {
        const url = `${site.url}api/snapshots/latest/file${source}/${name}${ending}`;
        // A download ends the navigation; a document that is shown gets time to run.
        const answer = await page.goto(url).catch(() => undefined);
        if (answer === null || answer === undefined) continue;
        expect(answer.headers()["content-security-policy"], url).toContain("sandbox");
        expect(answer.headers()["x-content-type-options"], url).toBe("nosniff");
        await noteHit(page, ran, url);
      }
    }
    expect(ran).toEqual([]);
    await page.context().close();
  }, 300_000);

  test("framed, embedded or loaded as a script by a page of the same site, nothing runs", async () => {
    const { page, ran } = await watched();
    const tags = hostileFiles().map(({ name }) => {
      const url = `/api/snapshots/latest/file${source}/${encodeURIComponent(name)}?inline`;
      return `<iframe src="${url}"></iframe><embed src="${url}"><object data="${url}"></object><script src="${url}"></script>`;
    });
    await page.route("**/frames", (route) =>
      route.fulfill({ contentType: "text/html", body: `<!DOCTYPE html>${tags.join("")}` }),
    );
    await page.goto(`${site.url}frames`);
    await page.waitForTimeout(1500);
    await noteHit(page, ran, "frames");
    expect(ran).toEqual([]);
    await page.context().close();
  });
});
