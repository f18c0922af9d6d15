// What `keepset/capture` tells of a real page, driven by a real mouse and keyboard in Chromium, and what it never tells.
import assert from "node:assert/strict";
import { test } from "node:test";

import { documented, EVERY, everything, frustration, KINDS, script, shake, visit } from "./support/capture.mjs";
import { ALL } from "./support/packs.mjs";

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

/** Copies, and returns how often that was told so far. */
async function copied({ page, names }) {
  await page.click("#text", { clickCount: 3 });
  await page.keyboard.press("Control+C");
  return (await names()).filter((name) => name === "copy").length;
}

test("several calls count once, and a kind ends with the last that asked for it", async () => {
  const lab = await visit({ pageView: true, copy: true });
  await lab.page.evaluate(() => { globalThis.second = capture(keepset, { pageView: true, copy: true, thrash: true }); });
  assert.equal(await copied(lab), 1);
  assert.equal((await lab.of("page_view")).length, 1);
  await lab.page.evaluate(() => { stop(); stop(); });
  assert.equal(await copied(lab), 2);
  await shake(lab.page);
  assert.equal((await lab.of("thrash")).length, 1, "the second call adds a kind");
  await lab.page.evaluate(() => { second(); stop(); });
  assert.equal(await copied(lab), 2);
  await lab.page.evaluate(() => {
    // A component that is mounted, unmounted and mounted again.
    capture(keepset, { pageView: true })();
    globalThis.gone = new AbortController();
    capture(keepset, { pageView: true, copy: true, signal: gone.signal });
  });
  assert.equal((await lab.of("page_view")).length, 1);
  assert.equal(await copied(lab), 3);
  await lab.page.evaluate(() => { gone.abort(); capture(keepset, { copy: true, signal: gone.signal }); });
  assert.equal(await copied(lab), 3);
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
  assert.equal(await copied(lab), 0);
  assert.deepEqual(await lab.names(), []);
  await page.waitForTimeout(1200);
  await page.evaluate((all) => keepset.consent.set(all), ALL);
  assert.deepEqual(await lab.names(), ["page_view"]);
  assert.equal(await copied(lab), 1);
  await page.evaluate(() => history.pushState(null, "", "/blog/one"));
  assert.deepEqual(await lab.of("dwell"), [], "the time before the grant does not count");
  await page.evaluate(() => keepset.pause());
  assert.equal(await copied(lab), 1);
  await page.evaluate(() => keepset.resume());
  assert.equal(await copied(lab), 2);
  await page.evaluate(() => { void keepset.consent.set({ segmentation: "denied" }); told.length = 0; });
  assert.equal(await copied(lab), 0);
  await page.evaluate((all) => keepset.consent.set(all), ALL);
  assert.equal(await copied(lab), 1);
  await page.evaluate(() => keepset.destroy());
  assert.equal(await copied(lab), 1);
  await lab.close();
});

test("capturing that begins before the client is ready tells the first view once, and the engine has it", async () => {
  const early = script({ pageView: true }, ALL).replace("await keepset.ready;", "globalThis.stop = capture(keepset, { pageView: true });\n  await keepset.ready;");
  const lab = await visit({ pageView: true }, { files: { "/page.js": early } });
  await lab.page.waitForFunction(() => keepset.has("n_page_view"));
  assert.equal(await lab.engine("n_page_view"), 1);
  // A choice that is confirmed is kept, and with it every event before it; a page that is left at once may lose its last moment.
  await lab.page.evaluate(() => keepset.consent.set({ sharing: "granted" }));
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

test("the documentation names every event there is, and its score counts only declared ones", () => {
  assert.deepEqual(Object.keys(documented.events).sort(), Object.values(KINDS).flat().sort());
  const { event } = frustration.features.frustration;
  assert.deepEqual(Object.keys(event).filter((name) => !(name in documented.events)), []);
});
