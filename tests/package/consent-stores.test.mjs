// Every store a browser has, looked into before consent, after it, and after its withdrawal: in Chromium, with a second tab.
import assert from "node:assert/strict";
import { test } from "node:test";

import { ALL, gates, shopWith, uses } from "./support/cmp.mjs";
import { collector } from "./support/collector.mjs";
import { ALL as EVERYTHING, DAY } from "./support/packs.mjs";
import { stores } from "./support/site.mjs";
import { grant, ready, track } from "./support/visit.mjs";

/** Whatever writes to a store, whichever it is, and whatever asks the network. */
const WRITES = ["record", "storage", "cache", "cookie", "files", "worker"];
const ASKS = ["fetch", "beacon", "xhr"];
const GPC = () => Object.defineProperty(Navigator.prototype, "globalPrivacyControl", { get: () => true, configurable: true });

/** Twenty purchases, forty days, and a wish to send: all that would make and send a report, were it allowed. */
async function live(page) {
  await track(page, 20);
  await page.evaluate((day) => skip(40 * day), DAY);
  await page.evaluate(() => keepset.flush());
  await page.waitForTimeout(300);
}

/** Nothing is kept, nothing was asked since the page was there, and nothing that was done is told to other tabs. */
async function nothing(shopVisit, page, front, requests) {
  assert.deepEqual(await stores(page), {});
  assert.deepEqual(await uses(page, ...WRITES), []);
  assert.deepEqual(await uses(page, "beacon", "xhr"), []);
  assert.doesNotMatch(JSON.stringify(await uses(page, "channel")), /purchase|buyer|fan/);
  assert.equal(shopVisit.site.requests.length, requests);
  assert.deepEqual(front.requests, []);
  assert.deepEqual(page.problems, []);
}

/** A page of the shop with everything around it, and what it has asked of its site so far. */
async function shop(run, options = {}) {
  const front = await collector();
  const shopVisit = await shopWith({ cmp: "before", ...options, options: { collector: front.url } });
  try {
    const page = await shopVisit.enter();
    await page.waitForFunction(() => globalThis.followed);
    await run({ shopVisit, page, front, requests: shopVisit.site.requests.length });
  } finally {
    await shopVisit.close();
    front.close();
  }
}

test("T5: while consent is pending not a byte is kept, in no store there is, and not a request is made", () =>
  shop(async ({ shopVisit, page, front, requests }) => {
    const asked = (await uses(page, ...ASKS)).length;
    await live(page);
    await nothing(shopVisit, page, front, requests);
    assert.equal((await uses(page, ...ASKS)).length, asked);
  }));

test("T5: with Global Privacy Control on, and nobody asked, it is the same", () =>
  shop(async ({ shopVisit, page, front, requests }) => {
    await live(page);
    await nothing(shopVisit, page, front, requests);
    assert.equal((await gates(page)).sharing, "denied");
  }, { setup: GPC }));

test("with Global Privacy Control mapped to every gate, it is the same even if manager and page say yes", () =>
  shop(async ({ shopVisit, page, front, requests }) => {
    await page.evaluate((all) => cmp("useractioncomplete", all), ALL);
    await grant(page, EVERYTHING);
    await live(page);
    await nothing(shopVisit, page, front, requests);
    assert.deepEqual(new Set(Object.values(await gates(page))), new Set(["denied"]));
  }, { setup: GPC, follows: { mapping: { gpc: Object.keys(EVERYTHING) } } }));

test("T4: where GDPR does not apply the page's own yes counts: events are kept, and the next page knows them", () =>
  shop(async ({ shopVisit, page, front, requests }) => {
    await page.evaluate(() => cmpSilent());
    await live(page);
    await nothing(shopVisit, page, front, requests);
    await grant(page, EVERYTHING);
    await track(page, 11);
    await page.waitForFunction(() => keepset.has("fan"));
    await page.waitForFunction(() => uses.filter(([kind]) => kind === "record").length > 1);
    assert.deepEqual(Object.keys(await stores(page)), ["databases"]);
    await page.goto(`${shopVisit.site.url}/?skip=${40 * DAY}`);
    await page.waitForFunction(() => globalThis.followed);
    await page.evaluate(() => cmpSilent());
    await page.waitForFunction(() => keepset.status === "ready" && keepset.has("fan"));
  }));

test("T8: a withdrawal stops the report that waits, erases in every tab, and then confirms; no store has anything left, now or later", () =>
  shop(async ({ shopVisit, page, front }) => {
    await page.evaluate((all) => cmp("useractioncomplete", all), ALL);
    await track(page, 11);
    await page.waitForFunction(() => keepset.has("fan"));
    const other = await shopVisit.enter();
    await other.evaluate((all) => cmp("tcloaded", all), ALL);
    await other.waitForFunction(() => keepset.status === "ready" && keepset.has("fan"));
    await page.evaluate((day) => skip(2 * day), DAY);
    await page.waitForFunction(() => keepset.preview().then((report) => report != null));
    assert.deepEqual(Object.keys(await stores(page)), ["databases"]);
    const sent = front.requests.length;

    // The person withdraws; the report is asked for at that very moment.
    await page.evaluate(() => {
      cmp("useractioncomplete", []);
      globalThis.asked = keepset.flush();
    });
    await page.evaluate(() => keepset.consent.set({ storage: "denied" }));
    assert.equal(await page.evaluate(() => asked.then(({ sent }) => sent)), 0);
    assert.deepEqual(await stores(page), {});
    assert.equal(await page.evaluate(() => keepset.has("fan")), false);
    await other.waitForFunction(() => keepset.consent.get().storage === "denied" && !keepset.has("fan"));

    // All tabs know that they left their segments; from here on there is nothing to tell.
    const told = (await uses(page, "channel")).length;
    for (const tab of [page, other]) await live(tab);
    for (const tab of [page, other]) assert.deepEqual(await stores(tab), {});
    assert.equal(front.requests.length, sent);
    assert.doesNotMatch(JSON.stringify((await uses(page, "channel")).slice(told)), /purchase|buyer|fan/);
    for (const tab of [page, other]) assert.deepEqual(await uses(tab, ...WRITES.filter((kind) => kind !== "record")), []);

    // Nothing comes back with a page that is loaded anew, nor with one that is opened a day later.
    await other.close();
    await page.reload();
    await ready(page);
    assert.deepEqual(await stores(page), {});
    const later = await shopVisit.enter(`/?skip=${DAY}`);
    assert.equal(await later.evaluate(() => keepset.has("buyer")), false);
    assert.deepEqual(await stores(later), {});
    assert.equal(front.requests.length, sent);
  }));
