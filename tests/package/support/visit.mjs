// A visit to a site that serves the installed package: a fresh profile of the browser, its tabs, and what a test does in them.
import { before } from "node:test";

import { install } from "./installed.mjs";
import { ALL, shop, START } from "./packs.mjs";
import { browse, site } from "./site.mjs";

export const installed = install();
const { dist } = installed;
let running;

before(async () => {
  running = await browse();
});

/** The browser of this file's tests. */
export const browser = () => running;

/** The page's own code: a client in `keepset`, everything it tells in `heard`, a clock that can skip. */
export const code = (options = {}, from = "/keepset/index.js") => `
  import { init } from "${from}";
  let skipped = Number(new URL(location).searchParams.get("skip") ?? 0);
  const listeners = new Set();
  globalThis.skip = (ms) => { skipped += ms; listeners.forEach((listener) => listener()); };
  globalThis.heard = [];
  globalThis.keepset = init({ pack: "/pack.json", clock: { now: () => ${START} + skipped, onJump: (f) => { listeners.add(f); return () => listeners.delete(f); } }, ...${JSON.stringify(options)} });
  for (const type of ["ready", "change", "consent", "report", "error"]) keepset.on(type, (event) => heard.push({ type, code: event.code, entered: event.entered, outcome: event.outcome, message: event.message }));
`;
/** The page itself. */
export const HTML = '<!doctype html><title>shop</title><script type="module" src="/page.js"></script>';
/** The site's files around the page's code. */
export const files = (options, from) => ({ "/": HTML, "/page.js": code(options, from), "/pack.json": JSON.stringify(shop()) });

/** A fresh profile of the browser on a fresh site. */
export async function visit({ options, from, serve, files: given } = {}) {
  const shopSite = await site(dist, given ?? files(options, from), serve);
  const context = await browser().newContext();
  const open = async (path = "/") => {
    const page = await context.newPage();
    page.problems = [];
    page.on("pageerror", (error) => page.problems.push(error.message));
    await page.goto(shopSite.url + path);
    await page.waitForFunction(() => globalThis.keepset);
    return page;
  };
  /** Opens a tab and waits until its client is ready. */
  const enter = async (path) => {
    const page = await open(path);
    await ready(page);
    return page;
  };
  return { open, enter, context, site: shopSite, close: () => context.close().then(() => shopSite.close()) };
}

/** A visit and so many tabs of it, one opened after the other; everything is granted in the first as soon as it is ready. */
export async function granted(tabs = 1, options = {}) {
  const shopVisit = await visit(options);
  const pages = [await shopVisit.enter()];
  await grant(pages[0]);
  while (pages.length < tabs) pages.push(await shopVisit.enter());
  return [shopVisit, ...pages];
}

/** Waits until the client is there and says how far it is. */
export const ready = (page) => page.evaluate(() => keepset.ready.then(() => keepset.status));
/** The same in a page that was just gone to. */
export const arrived = (page) => page.waitForFunction(() => globalThis.keepset).then(() => ready(page));
/** Makes choices; all granted when left out. */
export const grant = (page, choice = ALL) => page.evaluate((choice) => keepset.consent.set(choice), choice);
/** Buys so many times. */
export const track = (page, times) => page.evaluate((times) => { for (let n = 0; n < times; n += 1) keepset.track("purchase", { value: 1 }); }, times);
/** How many orders count. */
export const orders = (page) => page.evaluate(() => keepset.explain("fan").then((why) => why.condition.value ?? 0));
/** The codes of the errors told so far. */
export const codes = (page) => page.evaluate(() => heard.filter(({ type }) => type === "error").map(({ code }) => code));
/** Makes the first report of a page or a worker stop the engine where its draw is seeded: the calls before look whether the source is sound, and are caught. */
export const tear = (where) =>
  where.evaluate(() => {
    const real = crypto.getRandomValues.bind(crypto);
    let calls = 0;
    crypto.getRandomValues = (bytes) => {
      calls += 1;
      if (calls === 3) throw new Error("torn");
      return real(bytes);
    };
  });
