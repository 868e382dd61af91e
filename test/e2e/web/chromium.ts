/** Debian's Chromium, people who are logged in to a file browser with it, and what it complains about. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { type Browser, type BrowserContextOptions, type Page, chromium } from "playwright-core";

import type { ForgeServer } from "../../helpers/forge-server.ts";
import { hasProgram, need } from "../../helpers/need.ts";

/** Of `FORGE_HTTP_PASSWORD` in these tests. */
export const PASSWORD = "open sesame";

export function needChromium(): boolean {
  return need(hasProgram("chromium"), "Chromium (Debian package chromium)");
}

/** Whoever asked closes it. */
export function launchChromium(): Promise<Browser> {
  const isRoot = process.geteuid?.() === 0;
  return chromium.launch({
    executablePath: "/usr/bin/chromium",
    // Its sandbox refuses to work for root.
    args: isRoot ? ["--no-sandbox"] : [],
  });
}

export interface OpenPage {
  readonly page: Page;
  /** Errors of the page: thrown, printed, or refused by its Content-Security-Policy. */
  readonly complaints: string[];
  readonly close: () => Promise<void>;
}

/** A page of its own, with its own cookies, at `path` of the site; nobody is logged in. */
export async function openPage(
  browser: Browser,
  site: ForgeServer,
  { path = "", ...options }: BrowserContextOptions & { readonly path?: string } = {},
): Promise<OpenPage> {
  const context = await browser.newContext({ locale: "en-US", ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  await page.goto(site.url + path);
  return { page, complaints, close: () => context.close() };
}

/** As `openPage`, logged in. */
export async function openLoggedIn(
  browser: Browser,
  site: ForgeServer,
  options: BrowserContextOptions & { readonly path?: string } = {},
): Promise<OpenPage> {
  const opened = await openPage(browser, site, options);
  await logIn(opened.page);
  return opened;
}

export async function logIn(page: Page, password = PASSWORD): Promise<void> {
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("button", { name: "Log out" }).waitFor();
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Finding {
  readonly id: string;
  readonly impact: string | null;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** What axe finds serious or critical on the page as it is now; one sentence each. */
export async function seriousFindings(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const findings = await page.evaluate<Finding[]>(
    "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)",
  );
  return findings
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ""} ${nodes[0]?.failureSummary ?? ""}`);
}
