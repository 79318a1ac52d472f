import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { Browser } from "playwright-core";
import { Failure } from "./failure.js";

/** By the names that packages give it, in the order of preference. */
const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

/** Where it lies when it is not on the PATH. */
const PLACES = [
  "/snap/bin/chromium",
  "/opt/google/chrome/chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
  "C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe",
];

const FIX =
  "Install Chromium or Chrome (on Debian: apt-get install chromium fonts-thai-tlwg), or name one in CHROMIUM_PATH.";

/**
 * The program of an installed Chromium: `CHROMIUM_PATH`, else one on the PATH or in the usual places.
 *
 * @throws Failure that names the fix when there is none, or when `CHROMIUM_PATH` is no program.
 */
export function findChromium(env: Readonly<NodeJS.ProcessEnv>): string {
  const named = env.CHROMIUM_PATH?.trim();
  if (named) {
    if (isProgram(named)) return named;
    throw new Failure(`CHROMIUM_PATH is ${named}, which is no program that can be run.`, FIX);
  }
  const folders = (env.PATH ?? "").split(delimiter).filter(Boolean);
  const candidates = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = [...candidates, ...PLACES].find(isProgram);
  if (found !== undefined) return found;
  throw new Failure("There is no Chromium here to take a picture with.", FIX);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // absent, or not ours to run
  }
}

/**
 * Starts the installed Chromium without a window.
 *
 * @throws Failure when there is none or it does not start.
 */
export async function openChromium(env: Readonly<NodeJS.ProcessEnv>): Promise<Browser> {
  const executablePath = findChromium(env);
  const { chromium } = await import("playwright-core");
  try {
    return await chromium.launch({ executablePath });
  } catch (cause) {
    const first = String((cause as Error).message).split("\n")[0];
    throw new Failure(`${executablePath} did not start (${first}).`, FIX, { cause });
  }
}

/**
 * A page with this HTML and nothing else: no script of its own runs, and nothing is fetched.
 * Close its context afterwards.
 */
export async function openPage(browser: Browser, html: string, widthPx: number) {
  const context = await browser.newContext({
    viewport: { width: widthPx, height: 400 },
    javaScriptEnabled: false,
    offline: true,
    colorScheme: "light",
    locale: "en-GB",
  });
  const page = await context.newPage();
  await page.setContent(html, { waitUntil: "load" });
  return page;
}

/** The whole page as a PNG, `widthPx` wide. */
export async function pictureOf(browser: Browser, html: string, widthPx: number): Promise<Buffer> {
  const page = await openPage(browser, html, widthPx);
  try {
    return await page.screenshot({ fullPage: true, animations: "disabled" });
  } finally {
    await page.context().close();
  }
}
