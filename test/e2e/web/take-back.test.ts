/** In Chromium: select, download a ZIP that goes on after a cut, restore to the server and compare. */
import { execFileSync } from "node:child_process";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DownloadPlan } from "../../../src/server/api.ts";
import { logInTo } from "../../helpers/browser-login.ts";
import { ForgeWorld, buildForge } from "../../helpers/forge-program.ts";
import { type ForgeServer, endServers, startServer } from "../../helpers/forge-server.ts";
import { SeededRandom } from "../../helpers/seeded-random.ts";
import { launchChromium, needChromium } from "./chromium.ts";

const isThere = needChromium();
let world: ForgeWorld;
let server: ForgeServer;
let browser: Browser;
let page: Page;
let source: string;

beforeAll(async () => {
  if (!isThere) return;
  buildForge();
  world = new ForgeWorld();
  source = world.path("data");
  const random = new SeededRandom(11);
  for (let i = 0; i < 300; i++) world.write(`data/notes/note ${i}.txt`, `note ${i}\n`);
  world.write("data/photos/one.jpg", Buffer.from(random.bytes(700_000)));
  world.write("data/grün ☂.txt", "umbrella\n");
  world.write("data/left alone.txt", "not selected\n");
  symlinkSync("one.jpg", `${source}/photos/latest`);
  world.init();
  world.ok(["backup", source]);
  server = await startServer(world, "browse");
  browser = await launchChromium();
  page = await browser.newPage();
  await page.goto(server.url);
  await page.getByLabel("Password").first().fill(String(server.password));
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "Restores" }).waitFor();
  await page.goto(`${server.url}browse/latest${source}`);
  for (const name of ["notes", "photos", "grün ☂.txt"]) {
    await page.getByText(name, { exact: true }).click({ modifiers: ["Control"] });
  }
  await page.getByText("3 selected").waitFor();
}, 120_000);
afterAll(async () => {
  if (!isThere) return;
  await browser.close();
  endServers();
  world.remove();
});

describe.skipIf(!isThere)("three selected entries", () => {
  test("are downloaded as a ZIP that unzip finds whole", async () => {
    await page.getByRole("button", { name: "Download" }).click();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("menuitem", { name: /ZIP/ }).click(),
    ]);
    expect(download.suggestedFilename()).toBe("data.zip");
    const path = world.path("data.zip");
    await download.saveAs(path);
    execFileSync("unzip", ["-tqq", path]);
    const out = world.path("unpacked");
    // In another locale it writes names in pieces.
    const env = { ...process.env, LC_ALL: "C.UTF-8" };
    execFileSync("unzip", ["-qq", path, "-d", out], { env });
    execFileSync("diff", ["-r", `${source}/notes`, `${out}/notes`]);
    execFileSync("diff", ["-r", `${source}/photos`, `${out}/photos`]);
    expect(readFileSync(`${out}/grün ☂.txt`, "utf8")).toBe("umbrella\n");
  });

  test("go on downloading after a cut at 40 %", async () => {
    const headers = await logInTo(server.url, { password: String(server.password) });
    const paths = ["notes", "photos", encodeURIComponent("grün ☂.txt")].map(
      (name) => `${source.slice(1)}/${name}`,
    );
    const answer = await fetch(`${server.url}api/downloads`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify({ snapshotId: "latest", paths, format: "zip" }),
    });
    const plan = (await answer.json()) as DownloadPlan;
    const path = world.path("cut.zip");
    const url = `${server.url}${plan.href.slice(1)}`;
    const whole = readFileSync(world.path("data.zip"));
    expect(plan.sizeBytes).toBe(whole.length);
    writeFileSync(path, whole.subarray(0, Math.floor(whole.length * 0.4)));
    execFileSync("curl", ["-sf", "-C", "-", "-b", headers.cookie, "-o", path, url]);
    expect(readFileSync(path).equals(whole)).toBe(true);
  });

  test("are restored to a folder of the server, after a plan was shown", async () => {
    const target = world.path("taken back");
    await page.getByRole("button", { name: "Restore…" }).click();
    await page.getByLabel("Another folder").check();
    await page.getByLabel(/^Folder on/).fill(target);
    await page.getByLabel(/Check afterwards/).check();
    await page.getByRole("button", { name: "Show what will happen" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("303 entries will be new").waitFor();
    await dialog.getByRole("button", { name: "Restore now" }).click();
    await dialog.getByRole("heading", { name: "Restored" }).waitFor();
    expect(await dialog.textContent()).toContain("302 files, all right");
    await dialog.getByRole("link", { name: "All restores" }).click();
    await page
      .getByText("notes and 2 more")
      .or(page.getByText(/ and 2 more/))
      .first()
      .waitFor();
    await page.reload();
    await page.getByText("Done").waitFor();
    for (const name of ["notes", "photos"]) {
      const words = [
        "-aHAXn",
        "--checksum",
        "--delete",
        "-i",
        `${source}/${name}/`,
        `${target}/${name}/`,
      ];
      expect(execFileSync("rsync", words).toString()).toBe("");
    }
  });
});
