/**
 * What a person in front of a browser waits for: forge's page, and for the peers the list of files
 * that `rclone serve webdav` shows over their mount. Archives: forge's ZIP, and what each peer has.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type Browser, type Page, chromium } from "playwright-core";
import { type Command, measured } from "../process.ts";
import { median } from "../report.ts";
import type { Tool } from "../tools/tool.ts";
import { FILES, type ServedCorpus } from "./corpus.ts";
import type { ServedSample } from "./drive-rows.ts";
import { type Drive, serveForge } from "./drives.ts";

const CHROMIUM_WORDS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const OPENINGS = 40;
/** Seconds each. */
const PEER_OPENINGS = 5;
const PREVIEWS = 100;
/** Peers: tar of the mount that is served, since their drive makes no archives. */
const ARCHIVE_ROW = `${FILES} files as an archive`;
/** In the page: until what was laid out now is on the screen. */
const PAINTED = "await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));";

export interface PageWork {
  readonly tool: Tool;
  readonly repository: string;
  readonly corpus: ServedCorpus;
  readonly work: string;
  /** Still serving. */
  readonly drive: Drive;
}

export async function pageRows(page: PageWork): Promise<ServedSample[]> {
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: CHROMIUM_WORDS,
  });
  try {
    const rows = page.tool.name === "forge" ? forgeRows : peerRows;
    return await rows(page, browser);
  } finally {
    await browser.close();
  }
}

async function forgeRows(
  { repository, corpus }: PageWork,
  browser: Browser,
): Promise<ServedSample[]> {
  const server = await serveForge("browse", repository);
  try {
    const page = await browser.newPage();
    await page.goto(server.url);
    await page.getByLabel("Password").fill(server.password);
    await page.keyboard.press("Enter");
    await page.getByText("Browse latest").waitFor();
    const base = `${server.url}browse/latest${corpus.root}`;
    const openings: number[] = [];
    for (let i = 0; i < OPENINGS; i++) {
      await page.goto(base);
      const row = page.getByRole("row").filter({ hasText: corpus.files });
      await row.first().waitFor();
      openings.push(await openedInPage(page, corpus.files));
    }
    const cookies = await page.context().cookies();
    const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
    const csrf = await csrfOf(server.url, cookie);
    const previews = await firstBytes(
      names(corpus).map(
        (name) =>
          `${server.url}api/snapshots/latest/file${corpus.root}/${corpus.files}/${encodeURIComponent(name)}`,
      ),
      { cookie },
    );
    const headers = { cookie, "x-forge-csrf": csrf, "content-type": "application/json" };
    return [
      ...spread("folder of 5,000 entries, clicked to painted", openings),
      ...spread("first byte of a preview", previews),
      {
        row: `${FILES} files as an archive`,
        seconds: await zipSeconds(server.url, headers, corpus),
      },
    ];
  } finally {
    await server.end();
  }
}

/** By the page's own clock: from the click until the frame with the first entry is painted. */
function openedInPage(page: Page, folder: string): Promise<number> {
  return page.evaluate(`(async () => {
    const rows = [...document.querySelectorAll("[role=row]")];
    const row = rows.find((element) => element.textContent.includes(${JSON.stringify(folder)}));
    const link = row.querySelector("a");
    const started = performance.now();
    if (link) link.click();
    else row.dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
    while (!document.body.innerText.includes("0000 ")) {
      if (performance.now() - started > 30000) throw new Error("the folder did not open");
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
    ${PAINTED}
    return (performance.now() - started) / 1000;
  })()`);
}

async function csrfOf(url: string, cookie: string): Promise<string> {
  const answer = await fetch(`${url}api/session`, { headers: { cookie } });
  return ((await answer.json()) as { csrfToken: string }).csrfToken;
}

async function zipSeconds(
  url: string,
  headers: Readonly<Record<string, string>>,
  corpus: ServedCorpus,
): Promise<number> {
  const started = performance.now();
  const answer = await fetch(`${url}api/downloads`, {
    method: "POST",
    headers,
    body: JSON.stringify({
      snapshotId: "latest",
      paths: [`${corpus.root.slice(1)}/${corpus.files}`],
      format: "zip",
    }),
  });
  if (!answer.ok) throw new Error(`the archive was answered with ${await answer.text()}`);
  const { href } = (await answer.json()) as { href: string };
  const zip = await fetch(new URL(href, url), { headers });
  let bytes = 0;
  const pieces: AsyncIterable<Uint8Array> | undefined = zip.body ?? undefined;
  if (pieces === undefined) throw new Error("the archive has no body");
  for await (const piece of pieces) bytes += piece.byteLength;
  if (bytes < corpus.filesBytes) throw new Error(`the archive has ${bytes} bytes`);
  return (performance.now() - started) / 1000;
}

async function peerRows(
  { tool, repository, corpus, work, drive }: PageWork,
  browser: Browser,
): Promise<ServedSample[]> {
  const page = await browser.newPage();
  const folder = `${drive.url}${corpus.root}/${corpus.files}/`;
  const openings: number[] = [];
  for (let i = 0; i < PEER_OPENINGS; i++) {
    await page.goto("about:blank");
    const started = performance.now();
    await page.goto(folder);
    await page.evaluate(`(async () => { ${PAINTED} })()`);
    openings.push((performance.now() - started) / 1000);
  }
  const previews = await firstBytes(
    names(corpus).map((name) => folder + encodeURIComponent(name)),
    {},
  );
  const path = `${corpus.root}/${corpus.files}`;
  const tar = ["tar", "-C", `${drive.mounted ?? ""}${path}`, "-cf", "/dev/stdout", "."];
  const archived = archiveCommand(tool, repository, path);
  return [
    ...spread("folder of 5,000 entries, clicked to painted", openings),
    ...spread("first byte of a preview", previews),
    { row: ARCHIVE_ROW, seconds: measured({ words: tar, environment: {} }, work).seconds },
    {
      row: "(restic dump --archive zip, borg export-tar)",
      seconds: measured(archived, work).seconds,
    },
  ];
}

function archiveCommand(tool: Tool, repository: string, path: string): Command {
  const dump = tool.dump?.(repository, 1, path);
  if (dump === undefined) throw new Error(`${tool.name} makes no archives`);
  const { words, environment } = dump;
  if (tool.name === "restic") {
    return { words: [...words.slice(0, -2), "--archive", "zip", ...words.slice(-2)], environment };
  }
  const tar = ["borg", "export-tar", `${repository}::snapshot-1`, "-", path.slice(1)];
  return { words: tar, environment };
}

/** Files all over the folder, none twice. */
function names(corpus: ServedCorpus): string[] {
  const all = readdirSync(join(corpus.root, corpus.files)).sort();
  return Array.from({ length: PREVIEWS }, (_, i) => all[(i * 47) % all.length] ?? "");
}

async function firstBytes(
  urls: readonly string[],
  headers: Readonly<Record<string, string>>,
): Promise<number[]> {
  const times: number[] = [];
  for (const url of urls) {
    const started = performance.now();
    const answer = await fetch(url, { headers });
    if (!answer.ok) throw new Error(`${url} was answered with ${answer.status}`);
    const reader = answer.body?.getReader();
    await reader?.read();
    times.push((performance.now() - started) / 1000);
    await reader?.cancel();
  }
  return times;
}

function spread(row: string, seconds: readonly number[]): ServedSample[] {
  const sorted = seconds.toSorted((a, b) => a - b);
  const p95 = sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0;
  return [
    { row: `${row}, median`, seconds: median(seconds) },
    { row: `${row}, p95`, seconds: p95 },
  ];
}
