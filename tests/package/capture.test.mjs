// What `keepset/capture` tells of a real page, driven by a real mouse and keyboard in Chromium, and what it never tells.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";

import { install, tools } from "./support/installed.mjs";
import { ALL, shop } from "./support/packs.mjs";
import { browse, site } from "./support/site.mjs";

const { dist, folder } = install();
/** The snippets of the documentation, so that what it says to paste is what is tested. */
const [documented, frustration] = [...readFileSync(new URL("../../docs/capture.md", import.meta.url), "utf8").matchAll(/^```json\n([^]*?)^```/gm)].map(([, json]) => JSON.parse(json));
const KINDS = {
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
const EVERY = Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, true]));
/** Longer than a dead click waits. */
const DEAD_MS = 1300;
let browser;

before(async () => {
  browser = await browse();
});
after(() => browser.close());

const title = "t";
const counts = Object.fromEntries(Object.keys(documented.events).map((event) => [`n_${event}`, { kind: "count", event, window_days: 28, title }]));
const sums = { visible: { kind: "sum", event: "dwell", property: "seconds", window_days: 28, title } };
const inside = (feature) => ({ id: feature, title, reason: "r", enter: { feature, op: ">=", value: 1 } });
const pack = shop({ events: documented.events, features: { ...counts, ...sums }, segments: [...Object.keys(counts), "visible"].map(inside), plan: undefined });

const script = (options, consent) => `
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
const BODY = `
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
async function visit(options, { body = BODY, consent = ALL, at = "/shop/list", before: prepare, serve, files = {}, use = browser } = {}) {
  const html = page_(body);
  const place = await site(dist, { "/shop/list": html, "/blog/one": html, "/next": html, "/page.js": script(options, consent), "/pack.json": JSON.stringify(pack), ...files }, { csp: CSP, ...serve });
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

/** Moves the mouse to and fro, as one who is angry does. */
async function shake(page, { turns = 8, way = 200, pause = 0 } = {}) {
  for (let turn = 0; turn <= turns; turn += 1) {
    await page.mouse.move(turn % 2 ? 100 + way : 100, 300, { steps: 2 });
    if (pause > 0) await page.waitForTimeout(pause);
  }
}

async function centre(page, selector) {
  const { x, y, width, height } = await page.locator(selector).boundingBox();
  return [x + Math.min(width, 40) / 2, y + height / 2];
}

async function clicks(page, selector, times, pause = 0) {
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
async function everything({ page, context }) {
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

test("nothing is captured that is not asked for, and each kind tells its own events and no other", async () => {
  const runs = [["nothing", {}, []], ["everything off", Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, false])), []]];
  for (const [kind, events] of Object.entries(KINDS)) runs.push([kind, { [kind]: true }, events.filter((event) => event !== "form_submit")]);
  const one = async ([kind, options, expected]) => {
    const lab = await visit(options);
    await everything(lab);
    assert.deepEqual([...new Set(await lab.names())].sort(), [...expected].sort(), kind);
    await lab.close();
  };
  while (runs.length > 0) await Promise.all(runs.splice(0, 4).map(one));
});

test("what is told holds no text, value, address, clipboard or message, and none of them is even read", async () => {
  const lab = await visit(EVERY, {
    at: "/shop/list?q=secret&token=secret#secret",
    before: () => {
      globalThis.reads = [];
      Error.stackTraceLimit = 50;
      const trace = (at) => Error.captureStackTrace(at);
      // Playwright reads the page too.
      const ours = () => { const at = {}; trace(at); return at.stack.includes("/keepset/capture.js"); };
      const traps = [[ErrorEvent, "message"], [ErrorEvent, "filename"], [ClipboardEvent, "clipboardData"], [DataTransfer, "getData"], [Node, "textContent"], [HTMLElement, "innerText"], [Element, "innerHTML"], [HTMLTextAreaElement, "value"], [HTMLAnchorElement, "search"], [HTMLAnchorElement, "hash"], [HTMLAnchorElement, "href"], [HTMLAnchorElement, "text"], [Document, "referrer"], [Document, "URL"], [Document, "cookie"], [Document, "title"], [FormDataEvent, "formData"], [Selection, "toString"], [Error, "message"], [Error, "stack"]];
      for (const [type, name] of traps) {
        const real = Object.getOwnPropertyDescriptor(type.prototype, name);
        if (real?.get) Object.defineProperty(type.prototype, name, { ...real, get() { if (ours()) reads.push(name); return real.get.call(this); } });
        else if (typeof real?.value === "function") type.prototype[name] = function (...args) { if (ours()) reads.push(name); return real.value.apply(this, args); };
      }
      const value = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value");
      Object.defineProperty(HTMLInputElement.prototype, "value", { ...value, get() { if (ours()) reads.push(`value of ${this.id}`); return value.get.call(this); } });
    },
  });
  await lab.page.evaluate(() => { reads.length = 0; });
  await everything(lab);
  await lab.page.click("#password");
  await lab.page.keyboard.type("secret password");
  await lab.page.keyboard.press("Enter");
  const told = await lab.told();
  assert.deepEqual([...new Set(told.map(([name]) => name))].sort(), Object.values(KINDS).flat().filter((event) => event !== "form_submit").sort());
  assert.doesNotMatch(JSON.stringify(told), /secret|blog|list|Plain|Nothing/i);
  for (const [name, facts = {}] of told) {
    assert.ok(Object.values(facts).every((value) => typeof value === "number"), name);
    assert.deepEqual(Object.keys(facts).filter((key) => !(key in documented.events[name].properties)), [], name);
  }
  const read = await lab.page.evaluate(() => [...new Set(reads)]);
  assert.deepEqual(read, ["value of search"]);
  await lab.close();
});

test("a page view is told at first, at every change of the path, and not for a query or a fragment", async () => {
  const lab = await visit({ pageView: { sections: ["shop", "help"] } });
  assert.deepEqual(await lab.of("page_view"), [{ section: "shop" }]);
  await lab.page.evaluate(() => { history.pushState(null, "", "?page=2"); history.replaceState(null, "", "#part"); location.hash = "other"; });
  assert.equal((await lab.names()).length, 1);
  await lab.page.click("#route");
  await lab.page.goBack();
  await lab.page.waitForFunction(() => location.pathname === "/shop/list");
  await lab.page.waitForFunction(() => told.length === 3);
  assert.deepEqual(await lab.of("page_view"), [{ section: "shop" }, { section: "other" }, { section: "shop" }]);
  await lab.page.waitForFunction(() => keepset.has("n_page_view"));
  assert.equal(await lab.engine("n_page_view"), 3);
  await lab.close();
});

test("without the Navigation API routes are seen all the same, and history is put back as it was", async () => {
  const without = () => { delete globalThis.navigation; Object.defineProperty(globalThis, "navigation", { value: undefined }); };
  const lab = await visit({ pageView: true, dwell: true }, { before: without });
  const own = () => lab.page.evaluate(() => [Object.hasOwn(history, "pushState"), Object.hasOwn(history, "replaceState")]);
  assert.deepEqual(await own(), [true, true]);
  await lab.page.click("#route");
  await lab.page.evaluate(() => history.replaceState({ kept: 1 }, "", "/shop/list"));
  assert.deepEqual(await lab.page.evaluate(() => [history.state, location.pathname]), [{ kept: 1 }, "/shop/list"]);
  await lab.page.evaluate(() => history.pushState(null, "", "/blog/one"));
  await lab.page.goBack();
  await lab.page.waitForFunction(() => told.length === 5);
  assert.deepEqual([...new Set(await lab.names())], ["page_view"]);
  await lab.page.evaluate(() => stop());
  assert.deepEqual(await own(), [false, false]);
  await lab.page.evaluate(() => {
    const foreign = history.pushState.bind(history);
    history.pushState = foreign;
    const first = capture(keepset, { pageView: true });
    first();
    globalThis.restored = history.pushState === foreign;
    const second = capture(keepset, { pageView: true });
    const ours = history.pushState;
    const outer = (...args) => ours.apply(history, args);
    history.pushState = outer;
    second();
    told.length = 0;
    history.pushState(null, "", "/elsewhere");
    globalThis.left = history.pushState === outer && location.pathname === "/elsewhere" && told.length === 0;
  });
  assert.deepEqual(await lab.page.evaluate(() => [restored, left]), [true, true]);
  await lab.close();
});

test("depth is told once a view, at each quarter a person scrolled to, and never for a page that scrolls itself", async () => {
  const tall = '<div style="height:5000px"></div><a id="route" data-route href="/blog/one">Route</a>';
  const lab = await visit({ scrollDepth: true }, { body: tall });
  const { page } = lab;
  await page.evaluate(() => scrollTo(0, 3000));
  await page.waitForTimeout(500);
  assert.deepEqual(await lab.names(), []);
  await page.evaluate(() => scrollTo(0, 0));
  await page.waitForTimeout(300);
  await page.mouse.wheel(0, 400);
  await page.waitForTimeout(500);
  assert.deepEqual(await lab.of("scroll_depth"), []);
  await page.mouse.wheel(0, 2100);
  await page.waitForFunction(() => told.length === 2);
  await page.mouse.wheel(0, -2000);
  await page.waitForTimeout(400);
  await page.mouse.wheel(0, 9000);
  await page.waitForFunction(() => told.length === 4);
  assert.deepEqual(await lab.of("scroll_depth"), [25, 50, 75, 100].map((percent) => ({ percent })));
  await page.click("#route");
  await page.evaluate(() => scrollTo(0, 0));
  await page.waitForTimeout(400);
  assert.equal((await lab.names()).length, 4);
  await page.mouse.wheel(0, 2600);
  await page.waitForFunction(() => told.length === 6);
  await lab.close();
});

test("in a page whose document cannot scroll, the large box counts and a small one does not", async () => {
  const body = '<style>html,body{margin:0;height:100%;overflow:hidden}</style><div id="small" style="height:100px;overflow:auto"><div style="height:900px"></div></div><div id="large" style="height:500px;overflow:auto"><div style="height:3000px"></div></div>';
  const lab = await visit({ scrollDepth: true }, { body });
  await lab.page.mouse.move(50, 50);
  await lab.page.mouse.wheel(0, 2000);
  await lab.page.waitForTimeout(500);
  assert.equal(await lab.page.evaluate(() => document.querySelector("#small").scrollTop > 0), true);
  assert.deepEqual(await lab.names(), []);
  await lab.page.mouse.move(50, 300);
  await lab.page.mouse.wheel(0, 5000);
  await lab.page.waitForFunction(() => told.length === 4);
  await lab.close();
});

/** A tab that Playwright does not hold, for it keeps its own visible whatever happens to their window. */
async function tab(url) {
  const cdp = await browser.newBrowserCDPSession();
  const { targetId } = await cdp.send("Target.createTarget", { url });
  const { sessionId } = await cdp.send("Target.attachToTarget", { targetId, flatten: false });
  const answers = new Map();
  cdp.on("Target.receivedMessageFromTarget", ({ message }) => {
    const { id, result } = JSON.parse(message);
    answers.get(id)?.(result);
  });
  const send = async (method, params) => {
    const id = answers.size + 1;
    const answer = new Promise((resolve) => answers.set(id, resolve));
    await cdp.send("Target.sendMessageToTarget", { sessionId, message: JSON.stringify({ id, method, params }) });
    return answer;
  };
  const evaluate = async (expression) => (await send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true })).result.value;
  const until = async (expression) => {
    while (!(await evaluate(`Boolean(${expression})`))) await new Promise((resolve) => setTimeout(resolve, 30));
  };
  const { windowId } = await cdp.send("Browser.getWindowForTarget", { targetId });
  const turn = async (windowState, visibility) => {
    await cdp.send("Browser.setWindowBounds", { windowId, bounds: { windowState } });
    await until(`document.visibilityState === "${visibility}"`);
  };
  return {
    evaluate,
    until,
    hide: () => turn("minimized", "hidden"),
    show: () => turn("normal", "visible"),
    close: () => cdp.send("Target.closeTarget", { targetId }).then(() => cdp.detach()),
  };
}

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

test("only visible time counts, in whole seconds, told as the page is hidden and kept by the engine", async () => {
  const lab = await visit({}, {});
  const other = await tab(`${lab.place.url}/shop/list`);
  await other.until("globalThis.begun");
  await other.evaluate("stop = capture(keepset, { dwell: true }); globalThis.from = performance.now(); told");
  await wait(1300);
  await other.hide();
  const visible = await other.evaluate("(performance.now() - from) / 1000");
  const first = await other.evaluate("told");
  await wait(2600);
  await other.show();
  const again = await other.evaluate("performance.now()");
  await wait(1200);
  await other.hide();
  const told = (await other.evaluate("told")).map(([, { seconds }]) => seconds);
  const all = visible + (await other.evaluate(`(performance.now() - ${again}) / 1000`));
  assert.equal(first.length, 1);
  assert.ok(told.every((seconds) => Number.isInteger(seconds) && seconds >= 1), told.join());
  const sum = told.reduce((total, seconds) => total + seconds, 0);
  // Rounded down, and the switches themselves take a moment.
  assert.ok(sum >= 2 && sum <= Math.ceil(all), `${sum} of ${all} visible seconds`);
  await other.until(`keepset.has("visible")`);
  assert.equal(await other.evaluate(`keepset.explain("visible").then((why) => why.condition.value)`), sum);
  await other.close();
  await lab.close();
});

test("the time on a route is told when the route is left, and nothing more after stop", async () => {
  const lab = await visit({ dwell: true });
  await lab.page.waitForTimeout(1100);
  assert.deepEqual(await lab.names(), []);
  await lab.page.click("#route");
  assert.deepEqual(await lab.of("dwell"), [{ seconds: 1 }]);
  await lab.page.waitForTimeout(1100);
  await lab.page.evaluate(() => { stop(); history.pushState(null, "", "/shop/list"); });
  assert.equal((await lab.names()).length, 1);
  await lab.close();
});

test("time and an abandoned form are in the engine on the next page, when a link is followed", async () => {
  // A next page that is there within a tenth of a second is a fast one.
  const lab = await visit({ dwell: true, form: true }, { serve: { wait: (url) => (url.includes("next") ? 100 : 0) } });
  await lab.page.click("#name");
  await lab.page.keyboard.type("x");
  await lab.page.waitForTimeout(1100);
  await lab.page.click("#within");
  await lab.page.waitForURL(/next/);
  await lab.begun();
  assert.equal(await lab.engine("n_form_start"), 1);
  assert.equal(await lab.engine("n_form_abandon"), 1);
  assert.ok((await lab.engine("visible")) >= 1);
  await lab.close();
});

test("a page the browser keeps for back counts no time while it is away, is viewed again, and was gone back and forth from", async () => {
  const { chromium } = await import(join(tools, "playwright-core/index.mjs"));
  const keeping = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"], ignoreDefaultArgs: ["--disable-back-forward-cache"] });
  const lab = await visit({ pageView: true, dwell: true, backAndForth: true, form: true }, { use: keeping, files: { "/away": "<!doctype html>away" } });
  const { page } = lab;
  await page.click("#name");
  await page.keyboard.type("x");
  await page.evaluate(() => { globalThis.same = true; location.href = "/away"; });
  await page.waitForURL(/away/);
  await page.waitForTimeout(2200);
  await page.evaluate(() => history.back());
  await page.waitForFunction(() => globalThis.same && told.length >= 5);
  const names = await lab.names();
  assert.deepEqual(names.filter((name) => name !== "dwell"), ["page_view", "form_start", "form_abandon", "page_view", "back_and_forth"]);
  await page.click("#route");
  const seconds = (await lab.of("dwell")).reduce((total, { seconds }) => total + seconds, 0);
  assert.ok(seconds <= 1, `${seconds} s were counted`);
  await page.waitForFunction(() => keepset.explain("n_back_and_forth").then((why) => why.condition.value === 1));
  await lab.close();
  await keeping.close();
});

test("there and back within ten seconds is back and forth; on to a third page, or a redirect, is not", async () => {
  const lab = await visit({ backAndForth: true });
  const go = async (path, pause = 350) => {
    await lab.page.evaluate((path) => history.pushState(null, "", path), path);
    await lab.page.waitForTimeout(pause);
  };
  await go("/a");
  await go("/b");
  await go("/c");
  await go("/d", 0);
  await go("/c");
  assert.deepEqual(await lab.names(), []);
  await go("/e");
  await lab.page.goBack();
  await lab.page.waitForFunction(() => told.length === 1);
  await lab.page.waitForTimeout(350);
  await go("/e");
  assert.deepEqual(await lab.names(), ["back_and_forth"], "one return is counted once");
  await lab.close();
});

test("going back after more than ten seconds is not back and forth", async () => {
  const lab = await visit({ backAndForth: true }, { before: () => { const real = performance.now.bind(performance); globalThis.later = 0; performance.now = () => real() + later; } });
  await lab.page.click("#route");
  await lab.page.evaluate(() => { later = 10_100; });
  await lab.page.click("#home");
  assert.deepEqual(await lab.names(), []);
  await lab.close();
});

test("a link to another host is outbound by click, middle click and key; one's own hosts and other schemes are not", async () => {
  const body = `<a id="out" href="http://elsewhere.localhost:1/" target="_blank"><b id="inner">Out</b></a> <a id="own" href="http://cdn.mine.localhost:1/" target="_blank">Own</a>
    <a id="mail" href="mailto:a@b.example">Mail</a> <a id="part" href="#part">Part</a> <a id="bare">Bare</a> <a id="here" href="/next" target="_blank">Here</a>`;
  const lab = await visit({ outboundClick: { own: ["mine.localhost"] } }, { body });
  const { page, context } = lab;
  context.on("page", (popup) => popup.close().catch(() => undefined));
  for (const id of ["#own", "#part", "#bare", "#here"]) await page.click(id);
  // Nothing opens a letter here, so the click is stopped after it was heard.
  await page.evaluate(() => document.querySelector("#mail").addEventListener("click", (event) => event.preventDefault()));
  await page.click("#mail");
  await page.evaluate(() => document.querySelector("#out").click());
  assert.deepEqual(await lab.names(), []);
  await page.click("#inner");
  await page.click("#out", { button: "middle" });
  await page.focus("#out");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => told.length === 3);
  assert.deepEqual([...new Set(await lab.names())], ["outbound_click"]);
  await page.click("#out", { button: "right" });
  assert.equal((await lab.names()).length, 3);
  await lab.close();
});

test("a form is started once by typing, and ends in a submission or in being left", async () => {
  const lab = await visit({ form: true });
  const { page } = lab;
  await page.click("#name");
  assert.deepEqual(await lab.names(), [], "looking into a field is no start");
  await page.keyboard.type("abc");
  await page.click("#mail");
  await page.keyboard.type("def");
  assert.deepEqual(await lab.names(), ["form_start"]);
  await page.evaluate(() => document.querySelector("#form").addEventListener("submit", (event) => { event.preventDefault(); new FormData(event.target); }));
  await page.click("#send");
  assert.deepEqual(await lab.names(), ["form_start", "form_submit"]);
  await page.click("#route");
  assert.equal((await lab.names()).length, 2, "a form that was sent is not abandoned");
  await page.click("#name");
  await page.keyboard.type("again");
  await page.evaluate(() => history.pushState(null, "", "?step=2"));
  assert.deepEqual((await lab.names()).slice(2), ["form_start"], "a change of the query does not leave a form");
  await page.click("#home");
  assert.deepEqual((await lab.names()).slice(2), ["form_start", "form_abandon"]);
  await page.click("#route");
  await page.click("#search");
  await page.keyboard.type("x");
  await page.click("#check");
  await page.click("#password");
  await page.keyboard.type("x");
  await page.evaluate(() => { const name = document.querySelector("#name"); name.value = "script"; name.dispatchEvent(new Event("input", { bubbles: true })); });
  await page.click("#home");
  assert.equal((await lab.names()).length, 4, "searches, lone fields and scripts start no form");
  await lab.close();
});

test("a form that a script puts together and sends itself is sent, not abandoned", async () => {
  const lab = await visit({ form: true });
  await lab.page.click("#name");
  await lab.page.keyboard.type("abc");
  await lab.page.evaluate(() => { new FormData(document.querySelector("#form")); history.pushState(null, "", "/thanks"); });
  assert.deepEqual(await lab.names(), ["form_start", "form_submit"]);
  await lab.close();
});

test("three quick clicks on a spot are rage, once a burst", async () => {
  const lab = await visit({ rageClick: true });
  await clicks(lab.page, "#dead", 7);
  assert.deepEqual(await lab.names(), ["rage_click"]);
  await lab.page.waitForTimeout(1100);
  await clicks(lab.page, "#card", 3);
  assert.deepEqual(await lab.names(), ["rage_click", "rage_click"]);
  await lab.page.waitForFunction(() => keepset.explain("n_rage_click").then((why) => why.condition.value === 2));
  await lab.close();
});

test("ordinary clicking is no rage: a double click, text selected, slow clicks, clicks here and there, fields, labels, keys, exceptions", async () => {
  const lab = await visit({ rageClick: { except: ".stepper" } }, { body: `${BODY}<div class="stepper"><button id="plus">+</button></div><div style="height:10px"></div>` });
  const { page } = lab;
  await page.dblclick("#dead");
  await page.waitForTimeout(1100);
  await page.click("#text", { clickCount: 3 });
  await page.waitForTimeout(1100);
  await clicks(page, "#dead", 4, 560);
  await page.waitForTimeout(1100);
  for (const id of ["#dead", "#works", "#text"]) await clicks(page, id, 1, 20);
  await page.waitForTimeout(1100);
  await clicks(page, "#name", 5);
  await clicks(page, "#label", 5);
  await clicks(page, "#plus", 6);
  await page.waitForTimeout(1100);
  await page.focus("#dead");
  for (let n = 0; n < 5; n += 1) await page.keyboard.press("Enter");
  await page.evaluate(() => { for (let n = 0; n < 5; n += 1) document.querySelector("#dead").click(); });
  assert.deepEqual(await lab.names(), []);
  await lab.close();
});

test("clicks that keep selecting text become rage with the fourth", async () => {
  const lab = await visit({ rageClick: true });
  await lab.page.click("#text", { clickCount: 3, delay: 5 });
  assert.deepEqual(await lab.names(), []);
  await lab.page.waitForTimeout(1100);
  const [x, y] = await centre(lab.page, "#text");
  await lab.page.mouse.move(x, y);
  const done = [];
  for (const clickCount of [1, 2, 3, 3, 3]) done.push(lab.page.mouse.down({ clickCount }), lab.page.mouse.up({ clickCount }));
  await Promise.all(done);
  assert.deepEqual(await lab.names(), ["rage_click"]);
  await lab.close();
});

const WIDGETS = `
  <button id="nothing">Nothing</button> <div id="hand" style="cursor:pointer">Hand</div> <a id="hash" href="#">Hash</a> <a id="void" href="javascript:;">Void</a>
  <a id="stopped" href="/next">Stopped</a> <div id="role" role="button" tabindex="0">Role</div> <span id="host"></span>
  <p id="text">Just text</p> <input id="field"> <label id="label"><input type="checkbox"> Label</label> <select id="select"><option>One</option></select>
  <button id="text-change">Text</button> <button id="attribute">Attribute</button> <button id="slow">Slow</button> <button id="press">Press</button>
  <button id="scrolls">Scrolls</button> <button id="focuses">Focuses</button> <button id="selects">Selects</button>
  <button id="routes">Routes</button> <a id="part" href="#text">Part</a> <a id="mail" href="mailto:a@b.example">Mail</a> <a id="blank" href="/next" target="_blank">Blank</a>
  <form id="form"><input id="must" required> <button id="send">Send</button></form> <details><summary id="summary">More</summary>Text</details>
  <button id="popover" popovertarget="pop">Pop</button><div id="pop" popover>Pop</div> <button id="current" aria-current="page">Current</button>
  <button id="head">Head</button> <button id="excepted">Excepted</button> <span id="open"></span> <button id="busy">Busy</button> <button id="asks">Asks</button>
  <canvas id="canvas" style="cursor:pointer" width="20" height="20"></canvas>
  <div style="height:3000px"></div>`;
const behave = () => {
  const on = (id, does, type = "click") => document.querySelector(id).addEventListener(type, does);
  const shadow = (id) => { const root = document.querySelector(id).attachShadow({ mode: "open" }); root.append(document.createElement("button")); root.firstChild.textContent = "In"; return root; };
  on("#stopped", (event) => event.preventDefault());
  shadow("#host");
  const open = shadow("#open");
  open.firstChild.addEventListener("click", () => open.append("!"));
  on("#text-change", (event) => { event.target.firstChild.data = "Changed"; });
  on("#attribute", () => { document.documentElement.dataset.theme = "dark"; });
  on("#slow", () => setTimeout(() => document.body.append("late"), 800));
  on("#press", () => document.body.append("pressed"), "pointerdown");
  on("#scrolls", () => scrollTo(0, 50));
  on("#focuses", () => document.querySelector("#field").focus());
  on("#selects", () => getSelection().selectAllChildren(document.querySelector("#text")));
  on("#routes", () => history.pushState(null, "", "/routed"));
  on("#head", () => document.head.append(document.createElement("script")));
  on("#busy", () => { for (const end = performance.now() + 1700; performance.now() < end; ); });
  on("#asks", () => confirm("Sure?"));
  on("#mail", (event) => { if (!event.isTrusted) event.preventDefault(); });
};

test("a click that does nothing on what looks clickable is dead, by mouse and by key", async () => {
  for (const id of ["#nothing", "#hand", "#hash", "#void", "#stopped", "#role", "#host", "#head"]) {
    const lab = await visit({ deadClick: true }, { body: WIDGETS });
    await lab.page.evaluate(behave);
    await lab.page.click(id);
    await lab.page.waitForTimeout(700);
    assert.deepEqual(await lab.names(), [], `${id}: too early`);
    await lab.page.waitForTimeout(DEAD_MS - 700);
    assert.deepEqual(await lab.names(), ["dead_click"], id);
    await lab.close();
  }
  const lab = await visit({ deadClick: true }, { body: WIDGETS });
  await lab.page.focus("#nothing");
  await lab.page.keyboard.press("Enter");
  await lab.page.waitForFunction(() => told.length === 1);
  await clicks(lab.page, "#nothing", 5);
  await lab.page.waitForTimeout(DEAD_MS);
  assert.deepEqual(await lab.names(), ["dead_click", "dead_click"], "a burst is one");
  await lab.close();
});

test("a click that does something is not dead, whatever it does", async () => {
  const lab = await visit({ deadClick: { except: "#excepted" } }, { body: WIDGETS });
  const { page, context } = lab;
  context.on("page", (popup) => popup.close().catch(() => undefined));
  page.on("dialog", async (dialog) => { await wait(1700); await dialog.dismiss(); });
  await page.evaluate(behave);
  const ids = ["#text", "#field", "#field", "#label", "#text-change", "#attribute", "#slow", "#press", "#scrolls", "#focuses", "#selects", "#routes", "#part", "#mail", "#blank", "#send", "#summary", "#popover", "#current", "#excepted", "#open", "#busy", "#asks", "#canvas"];
  for (const id of ids) {
    await page.evaluate(() => { scrollTo(0, 0); getSelection().removeAllRanges(); document.activeElement.blur(); document.querySelector("#pop").hidePopover(); });
    await page.bringToFront();
    await page.waitForTimeout(50);
    await page.click(id);
    await page.waitForTimeout(DEAD_MS);
    assert.deepEqual(await lab.names(), [], id);
  }
  await lab.close();
});

test("a link that leads to a page is not dead, however long the page takes", async () => {
  const lab = await visit({ deadClick: true }, { body: `${WIDGETS}<a id="within" href="/next">Next</a><button id="sends">Sends</button>`, serve: { wait: (url) => (url.includes("next") ? 2000 : 0) } });
  await lab.page.evaluate(() => document.querySelector("#sends").addEventListener("click", () => { location.href = "/next?slow"; }));
  for (const id of ["#within", "#sends"]) {
    await lab.page.click(id, { noWaitAfter: true });
    await wait(DEAD_MS);
    // Still on the page, and the next one is on its way.
    await lab.page.waitForURL(/next/);
    await lab.begun();
    assert.equal(await lab.engine("n_dead_click"), 0, id);
    await lab.page.goto(`${lab.place.url}/shop/list`);
    await lab.begun();
    await lab.page.evaluate(() => document.querySelector("#sends").addEventListener("click", () => { location.href = "/next?slow"; }));
  }
  await lab.close();
});

test("a mouse shaken to and fro is thrashing, once a burst; slow, short, few turns and dragging are not", async () => {
  const lab = await visit({ thrash: true });
  const { page } = lab;
  await shake(page, { turns: 20 });
  assert.deepEqual(await lab.names(), ["thrash"]);
  await page.waitForTimeout(1600);
  await shake(page, { turns: 8, pause: 350 });
  await shake(page, { turns: 16, way: 30 });
  await page.waitForTimeout(1600);
  await shake(page, { turns: 4 });
  await page.waitForTimeout(1600);
  await page.mouse.down();
  await shake(page, { turns: 16 });
  await page.mouse.up();
  assert.deepEqual(await lab.names(), ["thrash"]);
  await page.waitForTimeout(1600);
  await shake(page, { turns: 10 });
  assert.deepEqual(await lab.names(), ["thrash", "thrash"]);
  await lab.close();
});

test("errors nothing caught are told at most once in five seconds; notices, missing pictures and given-up requests are not", async () => {
  const lab = await visit({ scriptError: true }, { before: () => { const real = performance.now.bind(performance); globalThis.later = 0; performance.now = () => real() + later; } });
  const { page } = lab;
  await page.evaluate(async () => {
    const image = new Image();
    image.src = "/missing.png";
    document.body.append(image);
    try { throw new Error("caught"); } catch { /* Caught. */ }
    Promise.reject(new Error("caught")).catch(() => undefined);
    const given = new AbortController();
    void fetch("/pack.json", { signal: given.signal });
    given.abort();
    const box = document.body.appendChild(document.createElement("div"));
    new ResizeObserver(() => { box.style.width = `${box.offsetWidth + 1}px`; }).observe(box);
    box.style.width = "50px";
    await new Promise((resolve) => setTimeout(resolve, 300));
  });
  assert.deepEqual(await lab.names(), []);
  await page.evaluate(() => { for (let n = 0; n < 50; n += 1) setTimeout(() => { throw new Error("secret"); }); });
  await page.waitForTimeout(200);
  assert.deepEqual(await lab.names(), ["script_error"]);
  await page.evaluate(() => { later = 5100; void Promise.reject(new Error("secret")); });
  await page.waitForFunction(() => told.length === 2);
  assert.ok(lab.problems.length >= 51, "the page's errors stay the page's");
  await lab.close();
});

test("copying is told, pasting and cutting are not", async () => {
  const lab = await visit({ copy: true });
  const { page } = lab;
  await page.click("#text", { clickCount: 3 });
  await page.keyboard.press("Control+C");
  assert.deepEqual(await lab.names(), ["copy"]);
  await page.click("#name");
  await page.keyboard.press("Control+V");
  await page.keyboard.press("Control+A");
  await page.keyboard.press("Control+X");
  await page.evaluate(() => document.dispatchEvent(new ClipboardEvent("copy", { bubbles: true })));
  assert.deepEqual(await lab.names(), ["copy"]);
  await lab.close();
});

test("another query soon after the first is a refinement; the same one, an empty one and a late one are not", async () => {
  const lab = await visit({ searchRefinement: true }, { before: () => { const real = performance.now.bind(performance); globalThis.later = 0; performance.now = () => real() + later; } });
  const { page } = lab;
  await page.evaluate(() => document.addEventListener("submit", (event) => event.preventDefault()));
  const search = async (query) => {
    await page.click("#search");
    await page.keyboard.press("Control+A");
    await page.keyboard.press("Delete");
    await page.keyboard.type(query);
    await page.keyboard.press("Enter");
  };
  await search("shoes");
  await search("  shoes ");
  await search("");
  await page.click("#search");
  await page.keyboard.type("not sent");
  await page.click("#text");
  assert.deepEqual(await lab.names(), []);
  await search("red shoes");
  await search("red boots");
  assert.deepEqual(await lab.names(), ["search_refinement", "search_refinement"]);
  await page.evaluate(() => { later = 6 * 60_000; });
  await search("garden chairs");
  assert.equal((await lab.names()).length, 2);
  await page.click("#name");
  await page.keyboard.type("no search");
  await page.click("#password");
  await page.keyboard.type("a");
  await page.keyboard.press("Enter");
  assert.equal((await lab.names()).length, 2);
  await lab.close();
});

test("a page of results knows the query it came with; a field without a form counts when Enter is pressed or it is left", async () => {
  const body = '<input id="query" class="q" value="shoes"> <input id="secret" class="q" type="password" value="x"><p id="text">Text</p>';
  const lab = await visit({ searchRefinement: { inputs: ".q" } }, { body });
  const { page } = lab;
  await page.click("#query");
  await page.keyboard.press("Enter");
  assert.deepEqual(await lab.names(), []);
  await page.keyboard.press("End");
  await page.keyboard.type(" red");
  await page.keyboard.press("Enter");
  assert.deepEqual(await lab.names(), ["search_refinement"]);
  await page.keyboard.type("dish");
  await page.click("#text");
  assert.deepEqual(await lab.names(), ["search_refinement", "search_refinement"]);
  await page.fill("#secret", "y");
  await page.click("#secret");
  await page.keyboard.type("z");
  await page.keyboard.press("Enter");
  assert.equal((await lab.names()).length, 2, "a password field is not read, whatever the selector says");
  await lab.close();
});

test("several calls count once, and a kind ends with the last that asked for it", async () => {
  const lab = await visit({ pageView: true, copy: true });
  const copies = async () => {
    await lab.page.click("#text", { clickCount: 3 });
    await lab.page.keyboard.press("Control+C");
    return (await lab.names()).filter((name) => name === "copy").length;
  };
  await lab.page.evaluate(() => { globalThis.second = capture(keepset, { pageView: true, copy: true, thrash: true }); });
  assert.equal(await copies(), 1);
  assert.equal((await lab.of("page_view")).length, 1);
  await lab.page.evaluate(() => { stop(); stop(); });
  assert.equal(await copies(), 2);
  await shake(lab.page);
  assert.equal((await lab.of("thrash")).length, 1, "the second call adds a kind");
  await lab.page.evaluate(() => { second(); stop(); });
  assert.equal(await copies(), 2);
  await lab.page.evaluate(() => {
    // A component that is mounted, unmounted and mounted again.
    capture(keepset, { pageView: true })();
    globalThis.gone = new AbortController();
    capture(keepset, { pageView: true, copy: true, signal: gone.signal });
  });
  assert.equal((await lab.of("page_view")).length, 1);
  assert.equal(await copies(), 3);
  await lab.page.evaluate(() => { gone.abort(); capture(keepset, { copy: true, signal: gone.signal }); });
  assert.equal(await copies(), 3);
  await lab.page.click("#route");
  assert.equal((await lab.of("page_view")).length, 1);
  await lab.close();
});

test("stop leaves no listener behind, and every listener is passive", async () => {
  const lab = await visit({}, {
    before: () => {
      globalThis.listeners = new Map();
      globalThis.active = [];
      const add = EventTarget.prototype.addEventListener;
      EventTarget.prototype.addEventListener = function (type, listener, options) {
        if (this !== globalThis && this !== document && !(globalThis.navigation && this === navigation)) return add.call(this, type, listener, options);
        if (globalThis.counting) {
          const key = `${type} ${Math.random()}`;
          listeners.set(key, true);
          if (!options?.passive && type !== "prerenderingchange") active.push(type);
          options?.signal?.addEventListener("abort", () => listeners.delete(key));
        }
        return add.call(this, type, listener, options);
      };
    },
  });
  await lab.page.evaluate((every) => { globalThis.counting = true; globalThis.end = capture(keepset, every); globalThis.before = listeners.size; }, EVERY);
  await lab.page.click("#dead");
  const [before, during, active] = await lab.page.evaluate(() => [globalThis.before, listeners.size, active]);
  assert.ok(before > 20 && during > before, `${before}, ${during}`);
  assert.deepEqual(active, []);
  assert.deepEqual(await lab.page.evaluate(() => { end(); return [...listeners.keys()].filter((key) => !key.startsWith("prerenderingchange")); }), []);
  const count = (await lab.names()).length;
  await everything(lab);
  assert.equal((await lab.names()).length, count);
  await lab.close();
});

test("without consent, after its withdrawal, paused and destroyed nothing is listened to; with the grant the page counts as viewed", async () => {
  const lab = await visit({ pageView: true, copy: true, dwell: true }, { consent: null });
  const { page } = lab;
  const copied = async () => {
    await page.click("#text", { clickCount: 3 });
    await page.keyboard.press("Control+C");
    return (await lab.names()).filter((name) => name === "copy").length;
  };
  assert.equal(await copied(), 0);
  assert.deepEqual(await lab.names(), []);
  await page.waitForTimeout(1200);
  await page.evaluate((all) => keepset.consent.set(all), ALL);
  assert.deepEqual(await lab.names(), ["page_view"]);
  assert.equal(await copied(), 1);
  await page.evaluate(() => history.pushState(null, "", "/blog/one"));
  assert.deepEqual(await lab.of("dwell"), [], "the time before the grant does not count");
  await page.evaluate(() => keepset.pause());
  assert.equal(await copied(), 1);
  await page.evaluate(() => keepset.resume());
  assert.equal(await copied(), 2);
  await page.evaluate(() => { void keepset.consent.set({ segmentation: "denied" }); told.length = 0; });
  assert.equal(await copied(), 0);
  await page.evaluate((all) => keepset.consent.set(all), ALL);
  assert.equal(await copied(), 1);
  await page.evaluate(() => keepset.destroy());
  assert.equal(await copied(), 1);
  await lab.close();
});

test("capturing that begins before the client is ready tells the first view once, and the engine has it", async () => {
  const early = script({ pageView: true }, ALL).replace("await keepset.ready;", "globalThis.stop = capture(keepset, { pageView: true });\n  await keepset.ready;");
  const lab = await visit({ pageView: true }, { files: { "/page.js": early } });
  await lab.page.waitForFunction(() => keepset.has("n_page_view"));
  assert.equal(await lab.engine("n_page_view"), 1);
  await lab.page.reload();
  await lab.begun();
  assert.equal(await lab.engine("n_page_view"), 2);
  assert.deepEqual(await lab.names(), ["page_view"]);
  await lab.close();
});

test("nonsense in the options harms neither the page nor the other kinds", async () => {
  const lab = await visit({});
  await lab.page.evaluate(() => {
    for (const options of [undefined, null, 7, "copy", { copy: true, signal: "no" }]) capture(keepset, options)();
    capture(null, { copy: true });
    capture({}, { copy: true });
    capture(keepset, { rageClick: { except: ":::" }, deadClick: { except: 7 }, searchRefinement: { inputs: "[" }, pageView: { sections: 7 }, outboundClick: { own: 5 }, copy: true });
  });
  await lab.page.click("#text", { clickCount: 3 });
  await lab.page.keyboard.press("Control+C");
  assert.deepEqual(await lab.names(), ["copy"]);
  assert.deepEqual(lab.problems, []);
  await lab.close();
});

test("importing it on a server does nothing, as a module and as CommonJS, and nor does calling it there", () => {
  const run = (type, code) => execFileSync(process.execPath, [`--input-type=${type}`, "--eval", code], { cwd: folder, encoding: "utf8" }).trim();
  const use = "const stop = capture({}, { pageView: true }); stop(); console.log(typeof stop, Object.keys(all).join());";
  assert.equal(run("module", `import * as all from "keepset/capture"; const { capture } = all; ${use}`), "function capture");
  assert.equal(run("commonjs", `const all = require("keepset/capture"); const { capture } = all; ${use}`), "function capture");
});

test("it is at most 4 KB compressed, and a page that does not import it loads none of it", () => {
  const text = readFileSync(join(dist, "capture.js"));
  const { length } = gzipSync(text, { level: 9 });
  assert.ok(length <= 4096, `${length} bytes`);
  assert.doesNotMatch(text.toString(), /\bimport\b/);
  for (const file of ["index.js", "global.js", "node.js"]) assert.doesNotMatch(readFileSync(join(dist, file), "utf8"), /rage_click/, file);
});

test("the committed report of its API is the one that ships, and it is made of the client's own types", () => {
  const committed = readFileSync(new URL("../../pkg-template/api/capture.d.ts", import.meta.url), "utf8");
  assert.equal(readFileSync(join(dist, "capture.d.ts"), "utf8"), committed);
  assert.equal(readFileSync(join(dist, "capture.d.cts"), "utf8"), committed.replaceAll("./index.js", "./index.cjs"));
  assert.match(committed, /capture\(client: Keepset, options: CaptureOptions\): Unsubscribe/);
});

test("the documented score rises with each kind by its weight, and its segment is entered and explained", async () => {
  const scored = { ...pack, features: { ...frustration.features }, segments: frustration.segments };
  const lab = await visit({ rageClick: true, deadClick: true }, { files: { "/pack.json": JSON.stringify(scored) } });
  await clicks(lab.page, "#dead", 4);
  await lab.page.waitForFunction(() => told.length === 2);
  await lab.page.waitForFunction(() => keepset.has("frustrated"));
  // Three for the rage and two for the dead end, and hardly a moment to forget.
  const score = await lab.page.evaluate(() => keepset.explain("frustrated").then((why) => why.condition.value));
  assert.ok(score > 4.9 && score <= 5, `${score}`);
  await lab.close();
});

test("the documentation names every event there is, and its score counts only declared ones", () => {
  assert.deepEqual(Object.keys(documented.events).sort(), Object.values(KINDS).flat().sort());
  const { event } = frustration.features.frustration;
  assert.deepEqual(Object.keys(event).filter((name) => !(name in documented.events)), []);
});
