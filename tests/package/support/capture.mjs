// A page that captures, a hand on its mouse and keyboard, and what the page told.
import { readFileSync } from "node:fs";

import { ALL, shop } from "./packs.mjs";
import { site } from "./site.mjs";
import { browser, installed } from "./visit.mjs";

/** The snippets of the documentation, so that what it says to paste is what is tested. */
export const [documented, frustration] = [...readFileSync(new URL("../../../docs/capture.md", import.meta.url), "utf8").matchAll(/^```json\n([^]*?)^```/gm)].map(([, json]) => JSON.parse(json));
/** Every kind and the events it tells. */
export const KINDS = {
  pageView: ["page_view"],
  scrollDepth: ["scroll_depth"],
  dwell: ["dwell"],
  outboundClick: ["outbound_click"],
  form: ["form_start", "form_submit", "form_abandon"],
  rageClick: ["rage_click"],
  deadClick: ["dead_click"],
  thrash: ["thrash"],
  scriptError: ["script_error"],
  backAndForth: ["back_and_forth"],
  copy: ["copy"],
  searchRefinement: ["search_refinement"],
};
/** The options that ask for every kind. */
export const EVERY = Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, true]));
/** Longer than a dead click waits. */
export const DEAD_MS = 1300;

const title = "t";
const counts = Object.fromEntries(Object.keys(documented.events).map((event) => [`n_${event}`, { kind: "count", event, window_days: 28, title }]));
const sums = { visible: { kind: "sum", event: "dwell", property: "seconds", window_days: 28, title } };
const inside = (feature) => ({ id: feature, title, reason: "r", enter: { feature, op: ">=", value: 1 } });
/** A pack that declares the documented events and counts each. */
export const pack = shop({ events: documented.events, features: { ...counts, ...sums }, segments: [...Object.keys(counts), "visible"].map(inside), plan: undefined });

/** The page's own code: a client in `keepset`, everything told in `told`. */
export const script = (options, consent) => `
  import { init } from "/keepset/index.js";
  import { capture } from "/keepset/capture.js";
  globalThis.capture = capture;
  globalThis.keepset = init({ pack: "/pack.json" });
  globalThis.told = [];
  const track = keepset.track.bind(keepset);
  keepset.track = (...call) => { told.push(call); track(...call); };
  if (${JSON.stringify(consent)}) keepset.consent.set(${JSON.stringify(consent)});
  await keepset.ready;
  await keepset.ledger.list();
  globalThis.stop = capture(keepset, ${JSON.stringify(options)});
  document.querySelector("#works")?.addEventListener("click", () => document.body.append("."));
  for (const link of document.querySelectorAll("[data-route]")) link.addEventListener("click", (event) => { event.preventDefault(); history.pushState(null, "", link.getAttribute("href")); document.title = link.id; });
  globalThis.begun = true;
`;
/** What stands on a page unless a test says otherwise. */
export const BODY = `
  <p id="text">Plain words to read and to select.</p>
  <button id="dead">Nothing</button> <button id="works">Works</button> <div id="card" style="cursor:pointer;user-select:none">Card</div>
  <a id="route" data-route href="/blog/one?q=secret#secret">Route</a> <a id="home" data-route href="/shop/list">Home</a>
  <a id="within" href="/next">Next</a> <a id="out" href="http://elsewhere.localhost:1/?q=secret" target="_blank">Out</a> <a id="hash" href="#">Hash</a>
  <form id="form"><input id="name"> <input id="mail"> <button id="send">Send</button></form>
  <form role="search" id="find"><input type="search" id="search"></form>
  <input type="password" id="password"> <label id="label"><input type="checkbox" id="check"> Label</label>
`;
const page_ = (body) => `<!doctype html><meta charset="utf-8"><title>shop</title><style>body{margin:8px;font:16px sans-serif}</style>${body}<script type="module" src="/page.js"></script>`;
const CSP = "default-src 'none'; style-src 'unsafe-inline'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";

/** A page that captures what the options say, with everything told in `told`. */
export async function visit(options, { body = BODY, consent = ALL, at = "/shop/list", before: prepare, serve, files = {}, use = browser() } = {}) {
  const html = page_(body);
  const place = await site(installed.dist, { "/shop/list": html, "/blog/one": html, "/next": html, "/page.js": script(options, consent), "/pack.json": JSON.stringify(pack), ...files }, { csp: CSP, ...serve });
  const context = await use.newContext();
  if (prepare) await context.addInitScript(prepare);
  const page = await context.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(error.message));
  const begun = () => page.waitForFunction(() => globalThis.begun);
  await page.goto(place.url + at);
  await begun();
  return {
    page,
    context,
    place,
    problems,
    begun,
    told: () => page.evaluate(() => told),
    /** How often each event was told. */
    names: () => page.evaluate(() => told.map(([name]) => name)),
    of: (event) => page.evaluate((event) => told.filter(([name]) => name === event).map(([, facts]) => facts ?? null), event),
    /** What the engine made of it. */
    engine: (feature) => page.evaluate((feature) => keepset.explain(feature).then((why) => why.condition.value ?? 0), feature),
    close: () => context.close().then(() => place.close()),
  };
}

/** What runs before a page does: its clock is ahead by the milliseconds a test puts in the page's `later`. */
export function later() {
  const real = performance.now.bind(performance);
  globalThis.later = 0;
  performance.now = () => real() + globalThis.later;
}

/** Moves the mouse to and fro, as one who is angry does. */
export async function shake(page, { turns = 8, way = 200, pause = 0 } = {}) {
  for (let turn = 0; turn <= turns; turn += 1) {
    await page.mouse.move(turn % 2 ? 100 + way : 100, 300, { steps: 2 });
    if (pause > 0) await page.waitForTimeout(pause);
  }
}

/** The middle of an element, or of its first 40 pixels. */
export async function centre(page, selector) {
  const { x, y, width, height } = await page.locator(selector).boundingBox();
  return [x + Math.min(width, 40) / 2, y + height / 2];
}

/** Clicks on an element so many times, as quickly as a hand or with a pause. */
export async function clicks(page, selector, times, pause = 0) {
  await page.mouse.move(...(await centre(page, selector)));
  const done = [];
  for (let n = 0; n < times; n += 1) {
    // Not one after the other's answer: a machine that is busy would make a slow hand of it.
    done.push(page.mouse.down(), page.mouse.up());
    if (pause > 0) await page.waitForTimeout(pause);
  }
  await Promise.all(done);
}

/** Does everything that any kind is about, on one page. */
export async function everything({ page, context }) {
  await clicks(page, "#dead", 4);
  await page.waitForTimeout(DEAD_MS);
  await shake(page);
  const popup = context.waitForEvent("page");
  await page.click("#out");
  await (await popup).close();
  await page.bringToFront();
  await page.fill("#name", "");
  await page.click("#name");
  await page.keyboard.type("secret name");
  for (const query of ["secret one", "secret two"]) {
    await page.click("#search");
    await page.keyboard.press("Control+A");
    await page.keyboard.type(query);
    await page.evaluate(() => document.querySelector("#find").addEventListener("submit", (event) => event.preventDefault(), { once: true }));
    await page.keyboard.press("Enter");
  }
  await page.keyboard.press("Control+A");
  await page.keyboard.press("Control+C");
  await page.evaluate(() => { setTimeout(() => { throw new Error("secret fault"); }); });
  await page.evaluate(() => { document.body.style.height = "4000px"; });
  await page.mouse.wheel(0, 4000);
  await page.waitForTimeout(500);
  await page.evaluate(() => { scrollTo(0, 0); });
  await page.click("#route");
  await page.waitForTimeout(400);
  await page.click("#home");
  await page.waitForTimeout(100);
}
