// A report through a relay: the programs that ship at both ends, a relay between, and someone who writes down all that reaches the collector.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { pathToFileURL } from "node:url";

import { compiled } from "../package/support/compiled.mjs";
import { install } from "../package/support/installed.mjs";
import { ALL, DAY, handClock, shelf } from "../package/support/packs.mjs";
import { relay } from "../package/support/relay.mjs";
import { browse, site } from "../package/support/site.mjs";
import { collect, folder, keys, pack } from "./support/programs.mjs";
import { watched } from "./support/watched.mjs";

const installed = install();
const { createClient } = await import(pathToFileURL(join(installed.dist, "node.js")).href);
const source = JSON.parse(readFileSync(pack, "utf8"));
const { plan } = source;
const [reports, gateway] = [keys(), keys("--gateway")];
const published = { ...reports.published, ...gateway.published };
const shipped = compiled(installed, { ...source, collector: published });
const WINDOW_MS = plan.epoch_days * plan.window_epochs * DAY;
const START = Date.parse(plan.starts) + 100 * WINDOW_MS;
/** The only address the relay calls from; devices here have another one. */
const RELAY = "127.0.0.2";

let collector;
let front;
let between;

before(async () => {
  collector = await collect(folder(), reports.file, "--gateway", gateway.file);
  front = await watched(collector);
  between = await relay(`${front.url}/v1/oblivious`, { localAddress: RELAY });
});

const counted = async () => {
  const { windows } = await collector.get("/v1/estimates");
  return windows.flatMap(({ questions }) => questions).reduce((sum, { reports }) => sum + reports, 0);
};

/** What reached the collector, all of it from the relay, with what a relay needs and nothing else. */
function onlyFromTheRelay() {
  for (const { method, url, headers, address, body } of front.requests) {
    assert.deepEqual([method, url, address], ["POST", "/v1/oblivious", RELAY]);
    assert.deepEqual(Object.keys(headers).sort(), ["connection", "content-length", "content-type", "host"]);
    assert.deepEqual([headers["content-type"], headers.host], ["message/ohttp-req", new URL(front.url).host]);
    assert.equal(body.length, 1079);
  }
}

/** Lives through a window until a report is due and lets `hand` hand it over. */
async function live(client, clock, hand) {
  await client.ready;
  await client.ledger.list();
  clock.skip(WINDOW_MS);
  for (let day = 0; day < WINDOW_MS / DAY; day += 1) {
    clock.skip(DAY);
    await client.ledger.list();
    if (await client.preview()) return hand();
  }
  throw new Error("no report fell due");
}

test("the collector's keys are those of the pack, its gateway's too", async () => {
  assert.deepEqual(await collector.get("/v1/keys"), published);
  assert.equal(published.gateway.length, 1);
});

test("reports of a hundred devices in Node go through the relay and are counted, each once", async () => {
  const earlier = await counted();
  for (let n = 0; n < 100; n += 1) {
    const clock = handClock(START + DAY);
    const client = createClient({ pack: shipped, name: `node-${n}`, clock, collector: front.url, relay: between.url, storage: shelf() });
    client.consent.set(ALL);
    assert.deepEqual(await live(client, clock, () => client.flush()), { sent: 1, queued: 0 });
    await client.destroy();
  }
  assert.equal(await counted(), earlier + 100);
  assert.equal(front.requests.length, 100);
  // No two envelopes share more than the seven bytes that say how they are sealed.
  assert.equal(new Set(front.requests.map(({ body }) => body.subarray(7, 39).toString("hex"))).size, 100);
  assert.equal(new Set(front.requests.map(({ body }) => body.subarray(0, 7).toString("hex"))).size, 1);
  onlyFromTheRelay();
});

test("while the relay is down nothing reaches the collector, and then the same report does, once", async () => {
  const [earlier, requests] = [await counted(), front.requests.length];
  const clock = handClock(START + DAY);
  const lost = await relay("http://127.0.0.1:9/", {});
  const client = createClient({ pack: shipped, clock, collector: front.url, relay: lost.url, storage: shelf() });
  client.consent.set(ALL);
  // The gateway cannot be reached.
  assert.deepEqual(await live(client, clock, () => client.flush()), { sent: 0, queued: 1, skipped: "offline" });
  const sealed = (await client.preview()).sealed;
  // Nor the relay.
  await lost.close();
  assert.deepEqual(await client.flush(), { sent: 0, queued: 1, skipped: "offline" });
  assert.deepEqual([front.requests.length, await counted()], [requests, earlier]);
  const back = await relay(`${front.url}/v1/oblivious`, { port: lost.port, localAddress: RELAY });
  assert.deepEqual(await client.flush(), { sent: 1, queued: 0 });
  const [entry] = await client.ledger.list();
  assert.deepEqual([entry.outcome, entry.attempts, entry.sealed], ["accepted", 2, sealed]);
  assert.deepEqual([front.requests.length, await counted()], [requests + 1, earlier + 1]);
  onlyFromTheRelay();
  await client.destroy();
  await back.close();
});

test("a page in Chromium whose policy allows the relay alone reports through it, with cookies and addresses left behind", async () => {
  const [earlier, requests] = [await counted(), front.requests.length];
  const code = `
    import { init } from "/keepset/index.js";
    let skipped = 0;
    const listeners = new Set();
    globalThis.skip = (ms) => { skipped += ms; listeners.forEach((listener) => listener()); };
    globalThis.keepset = init({ pack: "/pack.keepset", collector: "${front.url}", relay: "${between.url}", clock: { now: () => ${START + DAY} + skipped, onJump: (f) => { listeners.add(f); return () => listeners.delete(f); } } });`;
  const csp = `default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' ${between.url}`;
  const shop = await site(installed.dist, { "/": '<!doctype html><title>shop</title><script type="module" src="/page.js"></script>', "/page.js": code, "/pack.keepset": shipped }, { csp });
  const browser = await browse();
  const page = await browser.newPage();
  const asked = new Set();
  page.on("request", (request) => asked.add(new URL(request.url()).origin));
  await page.goto(shop.url);
  await page.evaluate(async (all) => {
    document.cookie = "id=7";
    await keepset.ready;
    keepset.consent.set(all);
    await keepset.ledger.list();
  }, ALL);
  const outcome = await page.evaluate(async ([window, day]) => {
    skip(window);
    for (let days = 0; days < window / day; days += 1) {
      skip(day);
      await keepset.ledger.list();
      if (await keepset.preview()) return keepset.flush();
    }
  }, [WINDOW_MS, DAY]);
  assert.deepEqual(outcome, { sent: 1, queued: 0 });
  assert.equal(await page.evaluate(async () => (await keepset.ledger.list())[0].outcome), "accepted");
  assert.deepEqual([...asked].sort(), [shop.url, new URL(between.url).origin].sort());
  assert.deepEqual([front.requests.length, await counted()], [requests + 1, earlier + 1]);
  onlyFromTheRelay();
  await browser.close();
  shop.close();
});

test("asked to end, the collector ends in order", async () => {
  front.close();
  await between.close();
  assert.equal(await collector.stop(), 0);
});
