/** The pages of the file browser in a real browser: every state, the keyboard, and what axe finds. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";

import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { ForgeWorld, buildForge } from "../../helpers/forge-program.ts";
import { type ForgeServer, endServers, startServer } from "../../helpers/forge-server.ts";
import {
  PASSWORD,
  launchChromium,
  logIn,
  needChromium,
  openLoggedIn,
  openPage,
  seriousFindings,
} from "./chromium.ts";

/** One pixel. */
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

describe.skipIf(!needChromium())("the pages of the file browser", () => {
  const world = new ForgeWorld();
  const data = world.path("data");
  /** The address of `data` in the newest snapshot. */
  const folder = `browse/latest${data}`;
  const file = (name: string): string => `file/latest${data}/${name}`;
  let site: ForgeServer;
  let browser: Browser;

  beforeAll(async () => {
    buildForge();
    mkdirSync(`${data}/inner/deep`, { recursive: true });
    mkdirSync(`${data}/empty`);
    writeFileSync(`${data}/notes.md`, "# Notes\n\n- one\n");
    writeFileSync(`${data}/code.ts`, "/** Adds. */\nexport const add = (a: number) => a + 1;\n");
    writeFileSync(`${data}/point.png`, PNG);
    writeFileSync(`${data}/noise.bin`, Buffer.from([0, 1, 2, 255, 254, 0, 7]));
    writeFileSync(`${data}/<img src=x onerror=window.hit=1>.html`, "<script>window.hit=1</script>");
    writeFileSync(`${data}/gone.txt`, "only in the first");
    writeFileSync(`${data}/inner/a.txt`, "a");
    const many = `${data}/many`;
    mkdirSync(many);
    for (let index = 0; index < 2500; index += 1) writeFileSync(`${many}/file-${index}.txt`, "");
    expect(world.run(["init"]).code).toBe(0);
    expect(world.run(["backup", data, "--host", "atlas", "--tag", "first"]).code).toBe(0);
    rmSync(`${data}/gone.txt`);
    expect(world.run(["backup", data, "--host", "atlas"]).code).toBe(0);
    site = await startServer(world, "browse", ["--no-open"], {
      env: { FORGE_HTTP_PASSWORD: PASSWORD },
    });
    browser = await launchChromium();
  });

  afterAll(async () => {
    await browser.close();
    endServers();
  });

  test("a wrong password is told; the right one leads to the address that was asked for", async () => {
    const { page, close } = await openPage(browser, site, { path: folder });
    await page.getByLabel("Password").fill("wrong");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByText("This password is wrong").waitFor();
    await logIn(page);
    await page.getByText("notes.md").waitFor();
    await page.reload();
    await page.getByText("notes.md").waitFor();
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByLabel("Password").waitFor();
    await close();
  });

  test("the keyboard alone leads from the timeline into a folder and back", async () => {
    const { page, complaints, close } = await openLoggedIn(browser, site);
    const cursor = (): Promise<string | null> =>
      page.evaluate<string | null>(
        "document.getElementById(document.querySelector('[role=grid]')?.getAttribute('aria-activedescendant'))?.querySelector('a')?.textContent ?? null",
      );
    await page.getByRole("grid").focus();
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    // Down the folders above the data, each the only one.
    for (const name of data.split("/").slice(1)) {
      await page.getByRole("row", { name }).waitFor();
      await expect.poll(cursor).toBe(name);
      await page.keyboard.press("Enter");
    }
    await page.getByText("notes.md").waitFor();
    await page.keyboard.press("ArrowDown");
    await expect.poll(cursor).toBe("inner");
    await page.keyboard.press("Enter");
    await page.getByText("a.txt").waitFor();
    await page.keyboard.press("Backspace");
    await page.getByText("notes.md").waitFor();
    await expect.poll(cursor).toBe("inner");
    await page.keyboard.press("Control+a");
    await page.getByText("9 selected").waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("/");
    await page.keyboard.type("note");
    await page.getByText("1 of 9 entries").waitFor();
    await page.keyboard.press("Enter");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "notes.md" }).waitFor();
    expect(complaints).toEqual([]);
    await close();
  });

  test.each([
    ["light", 1440],
    ["dark", 390],
  ] as const)(
    "in %s, %d pixels wide, axe finds nothing serious on any page",
    async (colorScheme, width) => {
      const viewport = { width, height: 844 };
      const { page, complaints, close } = await openPage(browser, site, { colorScheme, viewport });
      await page.getByLabel("Password").waitFor();
      expect(await seriousFindings(page)).toEqual([]);
      await logIn(page);
      const places: readonly (readonly [path: string, shown: string])[] = [
        ["", "Browse latest"],
        [folder, "notes.md"],
        [`${folder}/empty`, "This folder is empty"],
        [file("code.ts"), "Adds."],
        [file("point.png"), "1 × 1 pixels"],
        [file("noise.bin"), "No preview for this kind of file"],
        [file("%3Cimg%20src%3Dx%20onerror%3Dwindow.hit%3D1%3E.html"), "<script>"],
        ["nowhere", "There is no such page"],
      ];
      for (const [path, shown] of places) {
        await page.goto(site.url + path);
        await page.getByText(shown).first().waitFor();
        expect(await seriousFindings(page), path).toEqual([]);
        const tooWide = "document.documentElement.scrollWidth > innerWidth";
        expect(await page.evaluate<boolean>(tooWide), path).toBe(false);
      }
      expect(await page.evaluate("window.hit")).toBeUndefined();
      expect(complaints).toEqual([]);
      await close();
    },
  );

  test("what a snapshot does not have is told, with the one that has it", async () => {
    const { page, close } = await openLoggedIn(browser, site, { path: file("gone.txt") });
    await page.getByText("This snapshot has no such file").waitFor();
    await page.getByRole("link", { name: "Open it there" }).click();
    await page.getByText("only in the first").waitFor();
    await page.goBack();
    await page.getByRole("button", { name: "Older snapshot" }).click();
    await page.getByText("only in the first").waitFor();
    await close();
  });

  test("a folder that fails is shown as failed, one that fails midway as incomplete", async () => {
    const { page, close } = await openLoggedIn(browser, site, { path: folder });
    await page.getByText("many").waitFor();
    const error = { code: "backend", message: "The disk was pulled out." };
    let failing = true;
    await page.route(/\/folder\/.*\/many\?from=0/, (route) =>
      failing ? route.fulfill({ status: 503, json: { error } }) : route.fallback(),
    );
    await page.getByRole("link", { name: "many" }).click();
    await page.getByText("This folder cannot be shown").waitFor();
    await page.getByText("The disk was pulled out.").waitFor();
    failing = false;
    let cut = true;
    await page.route(/\/many\?from=1000/, (route) =>
      cut ? route.fulfill({ status: 503, json: { error } }) : route.fallback(),
    );
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText("Only the first 1,000 entries are shown").waitFor();
    cut = false;
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText("2,500 entries").waitFor();
    expect(await page.getByText("Only the first").count()).toBe(0);
    await page.keyboard.press("End");
    await page.getByText("file-2499.txt").waitFor();
    await close();
  });
});
