// `keepset/devtools` in Chromium, under a strict policy: what the panel shows, that it is accessible, and that its bug report says nothing of the person.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { ALL, shop } from "./support/packs.mjs";
import { AXE } from "./support/site.mjs";
import { code, grant, track, visit } from "./support/visit.mjs";

const PAGE = `${code()}
  import { openDevtools } from "/keepset/devtools.js";
  globalThis.before = Object.getOwnPropertyNames(keepset).length;
  globalThis.open = (options) => (globalThis.close = openDevtools(keepset, options));
  open();
  globalThis.text = () => document.querySelector("keepset-devtools")?.shadowRoot.querySelector("aside").innerText ?? "";`;
const files = { "/": '<!doctype html><html lang="en"><title>shop</title><main><h1>Shop</h1></main><script type="module" src="/page.js"></script></html>', "/page.js": PAGE, "/pack.json": JSON.stringify(shop()) };

async function panel() {
  const visited = await visit({ files });
  const page = await visited.enter();
  const shows = (part) => page.waitForFunction((part) => text().includes(part), part);
  return { ...visited, page, shows };
}

test("the panel shows the state, and every call, change, choice and error as it comes", async () => {
  const { page, shows, close } = await panel();
  await shows("ready");
  await shows("in: no segment");
  await grant(page, ALL);
  await shows("consent: segmentation granted, storage granted");
  // The window in which a device is new counts as answered.
  await shows("epsilon 2 per report, 2 of 2 this window, 0 of 732 this year");
  await page.evaluate(() => keepset.track("purchase", { value: 12 }));
  await shows('track purchase {"value":12}');
  await shows("entered buyer (purchase)");
  await shows("in: buyer since");
  await page.evaluate(() => keepset.track("purchase", { value: -12 }));
  await shows("invalid_event: purchase");
  assert.deepEqual(page.problems, []);
  await close();
});

test("it says why and why not, and what an event would change, without changing anything", async () => {
  const { page, shows, close } = await panel();
  await grant(page, ALL);
  await track(page, 1);
  await page.waitForFunction(() => keepset.has("buyer"));
  const fill = async (label, words, press) => { await page.getByLabel(label).fill(words); await page.getByRole("button", { name: press, exact: true }).click(); };
  await fill("Segment", "fan", "Explain");
  await shows("fan: out.");
  await shows("✗ orders in 28 days: 1 (asked: at least 11; not met)");
  await fill("Segment", "buyer", "Explain");
  await shows("✓ orders in 28 days: 1 (asked: at least 1; met)");
  await fill("Segment", "nobody", "Explain");
  await shows('The pack has no segment "nobody"');
  await page.evaluate(() => keepset.reset());
  await page.waitForFunction(() => !keepset.has("buyer"));
  await fill("Event, such as", 'purchase {"value": 5}', "Simulate");
  await shows("entered buyer (purchase)");
  await fill("Event, such as", "visit", "Simulate");
  await shows("visit would change no segment.");
  await fill("Event, such as", "purchase {", "Simulate");
  await shows("SyntaxError");
  assert.equal(await page.evaluate(() => keepset.has("buyer")), false);
  await close();
});

test("the bug report has states and codes, and no event, segment, value or name", async () => {
  const { page, shows, close } = await panel();
  await grant(page, ALL);
  await page.evaluate(() => { keepset.track("purchase", { value: 123 }); keepset.track("purchase", { value: -777 }); keepset.track("secret_event", { x: 1 }); });
  await page.waitForFunction(() => keepset.has("buyer"));
  await page.getByRole("button", { name: "Show the report" }).click();
  await shows('"keepset":');
  const report = await page.evaluate(() => document.querySelector("keepset-devtools").shadowRoot.querySelector("pre").textContent);
  const { status, errors, consent, stored, intake } = JSON.parse(report);
  assert.deepEqual([status, errors, consent.reporting, stored, intake], ["ready", { invalid_event: 1 }, "granted", true, ["accepted", "undeclaredEvents", "refused"]]);
  assert.doesNotMatch(report, /purchase|secret|buyer|orders|123|777|127\.0\.0\.1|Mozilla/);
  await close();
});

test("axe finds nothing to say, in light, dark, on a phone, and it is worked by keys alone", async () => {
  const { page, shows, close } = await panel();
  await grant(page, ALL);
  await track(page, 12);
  await shows("entered fan");
  await page.evaluate(AXE);
  for (const [colorScheme, width] of [["light", 1200], ["dark", 1200], ["light", 360]]) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 800 });
    const violations = await page.evaluate(() => axe.run().then(({ violations }) => violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`)));
    assert.deepEqual(violations, [], `${colorScheme} ${width}`);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
  }
  const expanded = () => page.getByRole("button", { name: "Keepset", exact: true }).getAttribute("aria-expanded");
  await page.getByLabel("Segment").focus();
  await page.keyboard.type("fan");
  await page.keyboard.press("Enter");
  await shows("fan: in.");
  await page.keyboard.press("Escape");
  assert.equal(await expanded(), "false");
  await page.keyboard.press("Enter");
  assert.equal(await expanded(), "true");
  await close();
});

test("taken away it leaves the page and the client as they were, and it loads and stores nothing", async () => {
  const { page, site, close } = await panel();
  await grant(page, ALL);
  const requests = site.requests.length;
  await page.evaluate(() => close());
  assert.deepEqual(await page.evaluate(() => [document.querySelector("keepset-devtools"), Object.getOwnPropertyNames(keepset).length === before, Object.hasOwn(keepset, "track")]), [null, true, false]);
  await track(page, 1);
  await page.waitForFunction(() => keepset.has("buyer"));
  await page.evaluate(() => { const stop = new AbortController(); open({ signal: stop.signal, open: false, parent: document.querySelector("main") }); stop.abort(); });
  assert.deepEqual(await page.evaluate(() => [document.querySelector("keepset-devtools"), document.cookie, localStorage.length]), [null, "", 0]);
  assert.equal(site.requests.length, requests);
  assert.deepEqual(page.problems, []);
  await close();
});
