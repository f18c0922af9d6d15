// Holds the built site to what it promises: `node site/check.mjs`. No dead link, a search that finds, nothing for axe to mend in light, dark and
// on a phone, no request to anyone else and no cookie. Pictures of every kind of page go to target/site-pictures.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { extname, join, posix } from "node:path";

import { serve } from "../tests/package/support/server.mjs";
import { AXE, browse } from "../tests/package/support/site.mjs";
import { root } from "./pages.mjs";

const site = join(root, "target/site");
const pictures = join(root, "target/site-pictures");

/** One page of every kind. */
const KINDS = ["index", "start", "adoption", "recipes/react", "recipes/vue", "api/index", "api/keepset", "pack", "privacy", "features", "benchmarks", "faq", "adr/0001-storage-and-transport-live-in-typescript", "404"];
/** A word, and the page on which whoever searches it wants to be. */
const KNOWN = [["SetSelect", "privacy"], ["gptTargeting", "api/gpt"], ["half_life_days", "pack"], ["Snowplow", "migrate"]];
const VIEWS = {
  light: { viewport: { width: 1280, height: 900 }, colorScheme: "light" },
  dark: { viewport: { width: 1280, height: 900 }, colorScheme: "dark" },
  phone: { viewport: { width: 390, height: 844 }, colorScheme: "light", hasTouch: true },
  "phone-dark": { viewport: { width: 390, height: 844 }, colorScheme: "dark", hasTouch: true },
};

const links = deadLinks();
assert.deepEqual(links.dead, [], "links that lead nowhere");
console.log(`${links.count} links on ${links.pages} pages: none is dead`);

const requests = [];
const server = await serve(requests, answer);
const browser = await browse();
try {
  await Promise.all(Object.entries(VIEWS).map(([view, options]) => look(view, options)));
  await search();
} finally {
  await browser.close();
  server.close();
}

/** Every link and every picture of every page, and those whose page or anchor is not there. */
function deadLinks() {
  const files = readdirSync(site, { recursive: true }).map(String);
  const pages = new Map(files.filter((file) => file.endsWith(".html")).map((file) => [file, readFileSync(join(site, file), "utf8")]));
  const anchors = new Map([...pages].map(([file, html]) => [file, new Set([...html.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id))]));
  const there = new Set(files);
  const dead = [];
  let count = 0;
  for (const [file, html] of pages) {
    for (const [, target] of html.matchAll(/\s(?:href|src)="([^"]*)"/g)) {
      count += 1;
      const { origin, pathname, hash } = new URL(target.replaceAll("&amp;", "&"), `https://site.invalid/${file}`);
      if (origin !== "https://site.invalid") continue;
      const path = decodeURIComponent(pathname).slice(1);
      const meant = path === "" || path.endsWith("/") ? `${path}index.html` : path;
      const anchor = decodeURIComponent(hash.slice(1));
      if (!there.has(meant)) dead.push(`${file}: ${target}`);
      else if (anchor && !anchors.get(meant)?.has(anchor)) dead.push(`${file}: ${target} (no such anchor)`);
    }
  }
  assert.ok(pages.size > 50 && count > 1000, "the site is not there, or nearly empty");
  return { dead, count, pages: pages.size };
}

/** Looks at every kind of page in one light. */
async function look(view, options) {
  const context = await browser.newContext({ ...options, reducedMotion: "reduce" });
  const foreign = [];
  context.on("request", (request) => request.url().startsWith(server.url.replace(/\/$/, "")) || request.url().startsWith("data:") || foreign.push(request.url()));
  const tab = await context.newPage();
  const problems = [];
  tab.on("pageerror", (error) => problems.push(error.message));
  for (const kind of KINDS) {
    await tab.goto(`${server.url}/${kind}.html`, { waitUntil: "networkidle" });
    mkdirSync(pictures, { recursive: true });
    await tab.screenshot({ path: join(pictures, `${kind.replaceAll("/", "-")}-${view}.png`) });
    await accessible(tab, `${kind} in ${view}`);
    const wide = await tab.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide <= 0, `${kind} in ${view} is ${wide} pixels too wide`);
  }
  assert.deepEqual(problems, []);
  assert.deepEqual(foreign, [], "asked of a third party");
  assert.deepEqual(await context.cookies(), []);
  await context.close();
  console.log(`${KINDS.length} kinds of page in ${view}: nothing for axe to mend, nothing asked of others, no cookie`);
}

async function accessible(tab, where) {
  await tab.evaluate(AXE);
  const { violations } = await tab.evaluate(() => globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"] }));
  assert.deepEqual(violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 4).map(({ html, failureSummary }) => `${html.slice(0, 200)} ${failureSummary}`).join(" | ")}`), [], where);
}

/** Searches as a reader does, by keyboard, and follows the hit. */
async function search() {
  const tab = await browser.newPage(VIEWS.light);
  for (const [word, page] of KNOWN) {
    await tab.goto(`${server.url}/`, { waitUntil: "networkidle" });
    await tab.keyboard.press("Control+k");
    await tab.locator("#localsearch-input").fill(word);
    const hit = tab.locator(`.VPLocalSearchBox .results a[href^="/${page}.html"]`).first();
    await hit.waitFor({ timeout: 10_000 }).catch(() => assert.fail(`a search for "${word}" does not find ${page}`));
    await tab.screenshot({ path: join(pictures, `search-${word.toLowerCase()}.png`) });
    if (word === KNOWN[0][0]) await accessible(tab, "the open search");
    await hit.click();
    await tab.waitForURL((url) => url.pathname === `/${page}.html`);
  }
  await tab.close();
  console.log(`a search finds ${KNOWN.map(([word]) => word).join(", ")}`);
}

function answer(request, response) {
  const path = posix.normalize(decodeURIComponent(new URL(request.url, "http://x").pathname));
  const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".json": "application/json", ".png": "image/png" };
  const file = path.endsWith("/") ? `${path}index.html` : path;
  try {
    const body = readFileSync(join(site, file));
    response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream" }).end(body);
  } catch {
    response.writeHead(404, { "content-type": "text/plain" }).end();
  }
}
