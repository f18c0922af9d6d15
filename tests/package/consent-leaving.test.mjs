// The last moment before something leaves, in Chromium: every signal is asked again then, whatever it told before, and without a yes nothing leaves.
import assert from "node:assert/strict";
import { test } from "node:test";

import { ALL, cmpIsThere, gates, shopWith } from "./support/cmp.mjs";
import { collector } from "./support/collector.mjs";
import { gppData, usnat } from "./support/consent.mjs";
import { DAY, sharing } from "./support/packs.mjs";
import { stores } from "./support/site.mjs";
import { grant, track } from "./support/visit.mjs";

const EVERYTHING = { segmentation: "granted", storage: "granted", reporting: "granted", sharing: "granted" };
/** What leaves by itself leaves as late as it can, so that a test is there first. */
const late = () => { Math.random = () => 0.999; };
/** A browser whose Global Privacy Control is a switch of the test's. */
const GPC = 'globalThis.gpcOn = false; Object.defineProperty(Navigator.prototype, "globalPrivacyControl", { get: () => gpcOn, configurable: true });';
const flush = (page) => page.evaluate(() => keepset.flush());
const waiting = (page) => page.evaluate(() => keepset.preview().then((report) => report && { kind: report.kind, sha256: report.sha256 }));

/** A shop in which a report waits to leave, run through a test. */
async function withReport(given, agree, run) {
  const front = await collector();
  const shopVisit = await shopWith({ options: { collector: front.url }, ...given });
  await shopVisit.context.addInitScript(late);
  const page = await shopVisit.enter();
  await agree(page);
  await track(page, 1);
  await page.waitForFunction(() => keepset.has("buyer"));
  await page.evaluate((day) => skip(2 * day), DAY);
  await page.waitForFunction(() => keepset.preview().then((report) => report != null));
  assert.deepEqual(front.requests, []);
  await run({ page, front, shopVisit });
  assert.deepEqual(page.problems, []);
  await shopVisit.close();
  await front.close();
}
const withManager = (run) =>
  withReport({ cmp: "before", follows: { signals: ["tcf"] } }, (page) => cmpIsThere(page).then(() => page.evaluate((all) => cmp("useractioncomplete", all), ALL)), run);

test("a manager that changed its answer without telling anyone is heard before a report leaves, and its no erases", () =>
  withManager(async ({ page, front }) => {
    await page.evaluate(() => cmpQuietly("useractioncomplete", []));
    assert.deepEqual(Object.values(await gates(page)), ["granted", "granted", "granted", "granted"], "nobody told");
    assert.equal((await flush(page)).sent, 0);
    assert.deepEqual(Object.values(await gates(page)), ["denied", "denied", "denied", "denied"]);
    await page.evaluate(() => keepset.consent.set({ storage: "denied" }));
    assert.deepEqual(await stores(page), {});
    assert.deepEqual(front.requests, []);
  }));

test("a refusal of reports alone, untold, stops the report and keeps the rest", () =>
  withManager(async ({ page, front }) => {
    await page.evaluate(() => cmpQuietly("useractioncomplete", [1, 4, 5]));
    assert.equal((await flush(page)).sent, 0);
    await page.waitForFunction(() => keepset.consent.get().reporting === "denied");
    await page.waitForFunction(() => keepset.ledger.list().then(([first]) => first.outcome === "withdrawn"));
    assert.deepEqual([await page.evaluate(() => keepset.has("buyer")), front.requests.length], [true, 0]);
  }));

for (const manner of ["throws", "fails", "is silent"]) {
  test(`while a manager that is asked ${manner} nothing leaves and nothing is lost; when it answers the same bytes do`, () =>
    withManager(async ({ page, front }) => {
      const before = await waiting(page);
      await page.evaluate((manner) => cmpManner(manner), manner);
      // Two attempts: neither of them may wear the answer out.
      for (let attempt = 0; attempt < 2; attempt += 1) {
        const { sent, queued, skipped } = await flush(page);
        assert.deepEqual({ sent, queued, skipped }, { sent: 0, queued: 1, skipped: "no_consent" });
      }
      assert.deepEqual([front.requests.length, await waiting(page)], [0, before]);
      assert.deepEqual(Object.values(await gates(page)), ["granted", "granted", "granted", "granted"]);
      await page.evaluate(() => cmpManner("answers"));
      assert.deepEqual(await flush(page), { sent: 1, queued: 0 });
      const [{ sha256, outcome }] = await page.evaluate(() => keepset.ledger.list());
      assert.deepEqual([front.requests.length, sha256, outcome], [1, before.sha256, "accepted"]);
    }));
}

test("a question that is open again rests the client, and the report waits for the answer", () =>
  withManager(async ({ page, front }) => {
    const listeners = await page.evaluate(() => cmpListeners());
    await page.evaluate(() => cmpQuietly("cmpuishown", []));
    assert.equal((await flush(page)).sent, 0);
    await page.waitForFunction(() => keepset.status === "paused");
    assert.equal(front.requests.length, 0);
    await page.evaluate((all) => cmp("useractioncomplete", all), ALL);
    await page.waitForFunction(() => keepset.status === "ready");
    assert.equal((await flush(page)).sent, 1);
    assert.equal(await page.evaluate(() => cmpListeners()), listeners, "who asked listens no longer");
  }));

test("a manager that came without being noticed has a say before anything leaves", () =>
  withReport({ cmp: "before", follows: { signals: ["gpc"] } }, (page) => grant(page, EVERYTHING), async ({ page, front }) => {
    // What is not followed is not asked; this one is handed in behind the page's back, as a frame around it could be.
    await page.evaluate(() => import("/keepset/consent.js").then(({ followConsent }) => {
      globalThis.hidden = {};
      followConsent(keepset, { managers: hidden });
      hidden.__tcfapi = (command, version, callback) => callback({ gdprApplies: true, eventStatus: "tcloaded", isServiceSpecific: true, publisher: { consents: {}, legitimateInterests: {} } }, true);
    }));
    assert.equal((await flush(page)).sent, 0);
    assert.deepEqual(Object.values(await gates(page)), ["denied", "denied", "denied", "denied"]);
    assert.deepEqual(front.requests, []);
  }));

test("GPP and Google Consent Mode are asked again, too", async () => {
  const section = (change) => gppData({ usnat: usnat(change) });
  const setup = `globalThis.gppSays = ${JSON.stringify(section({}))}; globalThis.__gpp = (command, callback) => command === "addEventListener" ? callback({ ...gppSays, listenerId: 1 }, true) : callback(true, true);`;
  await withReport({ setup, follows: {} }, (page) => grant(page, EVERYTHING), async ({ page, front }) => {
    await page.evaluate((says) => { gppSays = says; }, section({ TargetedAdvertisingOptOut: 1 }));
    assert.equal((await flush(page)).sent, 0);
    assert.deepEqual([(await gates(page)).segmentation, front.requests.length], ["denied", 0]);
  });
  const layer = 'globalThis.dataLayer = []; globalThis.command = (value) => ["consent", "update", Object.fromEntries(["analytics_storage", "functionality_storage", "personalization_storage"].map((type) => [type, value]))]; dataLayer.push(command("granted"));';
  await withReport({ setup: layer, follows: { signals: ["gcm"] } }, () => undefined, async ({ page, front }) => {
    await page.evaluate(() => Array.prototype.push.call(dataLayer, command("denied")));
    assert.equal((await gates(page)).reporting, "granted", "past the list's own push");
    assert.equal((await flush(page)).sent, 0);
    assert.deepEqual([(await gates(page)).reporting, front.requests.length], ["denied", 0]);
  });
});

test("Global Privacy Control that is switched on after the page was opened stops labels for every page, and reports where the mapping says so", async () => {
  // Reports do not depend on it by default.
  for (const [gpc, sent] of [[["sharing"], 1], [["sharing", "reporting"], 0]]) {
    await withReport({ setup: GPC, follows: { mapping: { gpc } } }, (page) => grant(page, EVERYTHING), async ({ page, front }) => {
      await page.evaluate(() => { gpcOn = true; });
      assert.equal((await flush(page)).sent, sent);
      assert.equal(front.requests.length, sent);
    });
  }
  for (const follows of [null, {}]) {
    const front = await collector();
    const shopVisit = await shopWith({ options: { collector: front.url }, follows, setup: GPC, pack: sharing() });
    await shopVisit.context.addInitScript(late);
    const page = await shopVisit.enter();
    await grant(page, { segmentation: "granted", storage: "granted", sharing: "granted" });
    for (let n = 0; n < 40 && (await waiting(page))?.kind !== "label"; n += 1) await page.evaluate((hour) => skip(2 * hour), DAY / 24);
    assert.equal((await waiting(page)).kind, "label");
    await page.evaluate(() => { gpcOn = true; });
    const { sent } = await flush(page);
    assert.deepEqual([sent, front.requests.length], [0, 0]);
    await page.evaluate(() => { gpcOn = false; });
    if (!follows) assert.deepEqual([(await flush(page)).sent, front.requests.map(({ method }) => method)], [1, ["POST"]], "in time, when it is off again");
    await shopVisit.close();
    await front.close();
  }
});

test("a following that was stopped stands in nobody's way, and one that goes on is asked", () =>
  withManager(async ({ page, front }) => {
    await page.evaluate(() => import("/keepset/consent.js").then(({ followConsent }) => {
      globalThis.second = followConsent(keepset, { signals: ["gpc"] });
      followed.stop();
      cmpManner("is silent");
    }));
    assert.deepEqual(await flush(page), { sent: 1, queued: 0 });
    assert.equal(front.requests.length, 1);
  }));
