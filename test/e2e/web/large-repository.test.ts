/**
 * A person in front of Chromium and a repository of the machine's own 57,000 files: browse, search,
 * versions, what changed, a preview of each kind, a ZIP that goes on after a cut, and back to disk.
 */
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DownloadPlan } from "../../../src/server/api.ts";
import { logInTo } from "../../helpers/browser-login.ts";
import { ForgeWorld, buildForge } from "../../helpers/forge-program.ts";
import { type ForgeServer, endServers, startServer } from "../../helpers/forge-server.ts";
import { PASSWORD, launchChromium, needChromium, openLoggedIn } from "./chromium.ts";

const TREES = ["/usr/share", "/usr/include"];
const isThere = needChromium();
let world: ForgeWorld;
let own: string;
let site: ForgeServer;
let browser: Browser;
let page: Page;
let complaints: readonly string[];
let files = 0;

beforeAll(async () => {
  if (!isThere) return;
  buildForge();
  world = new ForgeWorld();
  own = world.path("own");
  browser = await launchChromium();
  world.write("own/letter.md", "# Letter\n\nDear Ada,\n");
  world.write("own/unchanged.txt", "always the same\n");
  world.write("own/only-before.txt", "deleted later\n");
  world.write("own/tone.wav", wavOfOneSecond());
  world.write("own/paper.pdf", pdfOfOnePage("Forge keeps this page"));
  world.write("own/picture.png", await drawnPicture());
  world.write("own/film.webm", await drawnFilm());
  for (let i = 0; i < 40; i++) world.write(`own/chapters/${i}.txt`, `chapter ${i}\n`.repeat(2000));
  world.init();
  const trees = TREES.filter((path) => existsSync(path));
  world.ok(["backup", ...trees, own]);
  appendFileSync(`${own}/letter.md`, "The first addition.\n");
  world.ok(["backup", ...trees, own]);
  appendFileSync(`${own}/letter.md`, "The second addition.\n");
  rmSync(`${own}/only-before.txt`);
  writeFileSync(`${own}/only-after.txt`, "new\n");
  world.ok(["backup", ...trees, own]);
  const found = execFileSync("find", [...trees, own, "-type", "f", "-printf", "."]);
  files = found.length;
  site = await startServer(world, "browse", ["--no-open"], {
    env: { FORGE_HTTP_PASSWORD: PASSWORD },
  });
  ({ page, complaints } = await openLoggedIn(browser, site));
}, 300_000);
afterAll(async () => {
  if (!isThere) return;
  await browser.close();
  endServers();
  world.remove();
});

describe.skipIf(!isThere)("a repository of the machine's own files", () => {
  test("the timeline shows the snapshots with their sizes", async () => {
    expect(files).toBeGreaterThan(1000);
    await page.getByText("3 snapshots", { exact: false }).first().waitFor();
    const sizes = page.getByRole("row").filter({ hasText: "in total" });
    expect(await sizes.count()).toBe(3);
    await sizes
      .filter({ hasText: files.toLocaleString("en-US") })
      .first()
      .waitFor();
  });

  test("a folder of the machine opens and shows every entry of it", async () => {
    await page.goto(`${site.url}browse/latest/usr/share/doc`);
    const count = Number(execFileSync("sh", ["-c", "ls -A /usr/share/doc | wc -l"]));
    await page.getByText(`${count.toLocaleString("en-US")} entries`).waitFor();
    await page.getByRole("grid").focus();
    await page.keyboard.press("End");
    // Folders first, then files, each by name as people sort: the last row is one of the machine's.
    const last = page.getByRole("row").last().getByRole("link");
    expect(existsSync(`/usr/share/doc/${(await last.textContent()) ?? ""}`)).toBe(true);
  });

  test("search finds a file in all snapshots, also one that is gone", async () => {
    await page.goto(`${site.url}search?q=only-before`);
    const hit = page.getByText("only-before.txt").first();
    await hit.waitFor();
    await page
      .getByText(/deleted/i)
      .first()
      .waitFor();
    await page.getByLabel("Search").first().fill("copyright");
    await page.keyboard.press("Enter");
    await page
      .getByText(/^\/usr\/share\/doc\//)
      .first()
      .waitFor();
  });

  test("the versions of a file are its distinct contents", async () => {
    await page.goto(`${site.url}versions${own}/letter.md`);
    await page.getByText("3 versions in 3 snapshots").waitFor();
    await page.goto(`${site.url}versions${own}/unchanged.txt`);
    await page.getByText("1 version in 3 snapshots").waitFor();
  });

  test("two snapshots differ in what was changed between them, and in nothing else", async () => {
    const headers = await logInTo(site.url, { password: PASSWORD });
    const list = await fetch(`${site.url}api/snapshots`, { headers });
    const { snapshots } = (await list.json()) as { snapshots: { id: string }[] };
    const [newest, , oldest] = snapshots;
    await page.goto(`${site.url}compare/${oldest?.id ?? ""}/${newest?.id ?? ""}/`);
    for (const name of ["letter.md", "only-after.txt", "only-before.txt"]) {
      await page.getByText(name).waitFor();
    }
    expect(await page.getByText("unchanged.txt").count()).toBe(0);
    await page.getByText("letter.md").click();
    await page.getByText("The second addition.").first().waitFor();
  });

  test("text, picture, sound, film and paper are shown", async () => {
    await page.goto(`${site.url}file/latest${own}/letter.md`);
    await page.getByText("Dear Ada,").waitFor();

    await page.goto(`${site.url}file/latest${own}/picture.png`);
    await page.getByText("320 × 200 pixels").waitFor();

    await page.goto(`${site.url}file/latest${own}/tone.wav`);
    await page.locator("audio").waitFor();
    const seconds = await page.evaluate<number>(`new Promise((resolve, reject) => {
      const sound = document.querySelector("audio");
      sound.preload = "auto";
      sound.addEventListener("error", () => reject(new Error("the sound does not load")));
      sound.addEventListener("seeked", () => resolve(sound.currentTime));
      const seek = () => { sound.currentTime = 0.5; };
      if (sound.readyState > 0) seek();
      else { sound.addEventListener("loadedmetadata", seek); sound.load(); }
    })`);
    expect(seconds).toBeCloseTo(0.5, 1);

    await page.goto(`${site.url}file/latest${own}/film.webm`);
    await page.locator("video").waitFor();
    const width = await page.evaluate<number>(`new Promise((resolve, reject) => {
      const film = document.querySelector("video");
      film.addEventListener("error", () => reject(new Error("the film does not load")));
      const tell = () => resolve(film.videoWidth);
      if (film.readyState > 0) tell();
      else { film.preload = "auto"; film.addEventListener("loadedmetadata", tell); film.load(); }
    })`);
    expect(width).toBe(160);

    await page.goto(`${site.url}file/latest${own}/paper.pdf`);
    await page.locator("canvas").first().waitFor();
    await expect
      .poll(() =>
        page.evaluate<boolean>(`(() => {
          const canvas = document.querySelector("canvas");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let dark = 0;
          for (let i = 0; i < data.length; i += 4) if (data[i] < 100 && data[i + 3] > 200) dark++;
          return dark > 50;
        })()`),
      )
      .toBe(true);
    expect(complaints).toEqual([]);
  });

  test("three selected entries come as a ZIP, also after a cut, and back to disk", async () => {
    const taken = ["chapters", "letter.md", "picture.png"];
    await page.goto(`${site.url}browse/latest${own}`);
    for (const name of taken) {
      await page.getByText(name, { exact: true }).click({ modifiers: ["Control"] });
    }
    await page.getByText("3 selected").waitFor();
    await page.getByRole("button", { name: "Download" }).click();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("menuitem", { name: /ZIP/ }).click(),
    ]);
    const path = world.path("whole.zip");
    await download.saveAs(path);
    execFileSync("unzip", ["-tqq", path]);

    const whole = readFileSync(path);
    const headers = await logInTo(site.url, { password: PASSWORD });
    const answer = await fetch(`${site.url}api/downloads`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify({
        snapshotId: "latest",
        paths: taken.map((name) => `${own.slice(1)}/${name}`),
        format: "zip",
      }),
    });
    const plan = (await answer.json()) as DownloadPlan;
    const cut = world.path("cut.zip");
    writeFileSync(cut, whole.subarray(0, Math.floor(whole.length * 0.4)));
    const url = site.url + plan.href.slice(1);
    execFileSync("curl", ["-sf", "-C", "-", "-b", headers.cookie, "-o", cut, url]);
    expect(readFileSync(cut).equals(whole)).toBe(true);

    const target = world.path("back");
    mkdirSync(target);
    await page.getByRole("button", { name: "Restore…" }).click();
    await page.getByLabel("Another folder").check();
    await page.getByLabel(/^Folder on/).fill(target);
    await page.getByRole("button", { name: "Show what will happen" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Restore now" }).click();
    await dialog.getByRole("heading", { name: "Restored" }).waitFor();
    for (const name of taken) {
      const ending = statSync(`${own}/${name}`).isDirectory() ? "/" : "";
      const words = ["-aHAXn", "--checksum", "--delete", "-i"];
      const said = execFileSync("rsync", [
        ...words,
        `${own}/${name}${ending}`,
        `${target}/${name}${ending}`,
      ]);
      expect(said.toString()).toBe("");
    }
  });
});

/** A second of 440 Hz, 8 bits. */
function wavOfOneSecond(): Buffer {
  const rate = 8000;
  const header = Buffer.alloc(44);
  header.write("RIFF", 0);
  header.writeUInt32LE(36 + rate, 4);
  header.write("WAVEfmt ", 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(rate, 28);
  header.writeUInt16LE(1, 32);
  header.writeUInt16LE(8, 34);
  header.write("data", 36);
  header.writeUInt32LE(rate, 40);
  const tone = Uint8Array.from({ length: rate }, (_, i) =>
    Math.round(127 + 100 * Math.sin((2 * Math.PI * 440 * i) / rate)),
  );
  return Buffer.concat([header, tone]);
}

function pdfOfOnePage(text: string): string {
  const stream = `BT /F1 36 Tf 40 200 Td (${text}) Tj ET`;
  const objects = [
    "<</Type/Catalog/Pages 2 0 R>>",
    "<</Type/Pages/Kids[3 0 R]/Count 1>>",
    "<</Type/Page/Parent 2 0 R/MediaBox[0 0 500 300]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
    `<</Length ${stream.length}>>\nstream\n${stream}\nendstream`,
    "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
  ];
  let body = "%PDF-1.7\n";
  const offsets = objects.map((object, i) => {
    const at = body.length;
    body += `${i + 1} 0 obj\n${object}\nendobj\n`;
    return at;
  });
  const table = offsets.map((at) => `${String(at).padStart(10, "0")} 00000 n \n`).join("");
  const size = objects.length + 1;
  return `${body}xref\n0 ${size}\n0000000000 65535 f \n${table}trailer\n<</Size ${size}/Root 1 0 R>>\nstartxref\n${body.length}\n%%EOF\n`;
}

/** Drawn by the browser itself. */
async function drawnPicture(): Promise<Buffer> {
  return drawn(`
    const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 200 });
    const context = canvas.getContext("2d");
    context.fillStyle = "teal";
    context.fillRect(20, 20, 200, 120);
    return canvas.toDataURL("image/png").split(",")[1];`);
}

async function drawnFilm(): Promise<Buffer> {
  return drawn(`
    const canvas = Object.assign(document.createElement("canvas"), { width: 160, height: 120 });
    const context = canvas.getContext("2d");
    const recorder = new MediaRecorder(canvas.captureStream(20), { mimeType: "video/webm" });
    const parts = [];
    recorder.ondataavailable = ({ data }) => parts.push(data);
    const ended = new Promise((resolve) => { recorder.onstop = resolve; });
    recorder.start();
    for (let i = 0; i < 20; i++) {
      context.fillStyle = i % 2 ? "teal" : "navy";
      context.fillRect(0, 0, 160, 120);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    recorder.stop();
    await ended;
    const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));`);
}

async function drawn(script: string): Promise<Buffer> {
  const sheet = await browser.newPage();
  const base64 = await sheet.evaluate<string>(`(async () => { ${script} })()`);
  await sheet.close();
  return Buffer.from(base64, "base64");
}
