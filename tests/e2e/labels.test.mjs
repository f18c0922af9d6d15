// Labels from a page to the collector that ships, directly and through a relay, and back: what is taken back leaves no trace there.
import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { compiled } from "../package/support/compiled.mjs";
import { START } from "../package/support/packs.mjs";
import { relay } from "../package/support/relay.mjs";
import { code, HTML, installed, visit } from "../package/support/visit.mjs";
import { collect, folder, keys, pack } from "./support/programs.mjs";

const source = JSON.parse(readFileSync(pack, "utf8"));
const labels = {
  id: "offers",
  owner: "The shop",
  purpose: "To send you offers that fit.",
  text_version: 3,
  every_days: 1,
  segments: source.segments.slice(0, 2).map(({ id }) => ({ id, reason: "Members get other offers." })),
};
const [reports, gateway] = [keys(), keys("--gateway")];
const published = { ...reports.published, ...gateway.published };
const shipped = compiled(installed, { ...source, labels, collector: published });
const HOUR = 3_600_000;
const BEGINS = Date.parse(source.plan.starts) + 100 * 24 * HOUR;
const SHARES = { segmentation: "granted", storage: "granted", sharing: "granted" };

const home = folder();
let collector;
let between;

before(async () => {
  const terms = join(home, "terms.json");
  writeFileSync(terms, JSON.stringify(labels));
  collector = await collect(home, reports.file, "--gateway", gateway.file, "--labels", terms, "--label-store", join(home, "labels.sqlite"));
  between = await relay(`${collector.url}/v1/oblivious`, {});
});
after(async () => {
  await between.close();
  assert.equal(await collector.stop(), 0);
});

/** Opens the shop in a fresh profile; what is asked of the collector or the relay, and answered, is in `calls`. */
async function enter(options, allowed, script = "") {
  const csp = `default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' ${allowed}`;
  const shop = { "/": HTML, "/page.js": code({ pack: "/pack.keepset", ...options }), "/pack.keepset": shipped };
  const visited = await visit({ files: shop, serve: { csp } });
  if (script) await visited.context.addInitScript(script);
  const calls = [];
  visited.context.on("response", async (response) => {
    if (!response.url().startsWith(allowed) || response.request().method() === "OPTIONS") return;
    const call = { method: response.request().method(), status: response.status() };
    calls.push(call);
    call.body = await response.body().catch(() => undefined);
  });
  return { page: await visited.enter(`/?skip=${BEGINS - START}`), calls, close: visited.close };
}

/** Lives on in steps until there were so many calls, for two days at most. */
async function live({ page, calls }, count) {
  for (let step = 0; step < 24 && calls.length < count; step += 1) await page.evaluate((ms) => (skip(ms), keepset.flush()), 2 * HOUR);
}

/** Every byte of the files that the collector keeps labels in. */
const kept = () => Buffer.concat(readdirSync(home).filter((name) => name.startsWith("labels.sqlite")).map((name) => readFileSync(join(home, name))));

/** What the ledger of the device says. */
const ledger = (page) => page.evaluate(() => keepset.ledger.list().then((list) => list.map(({ kind, outcome }) => [kind, outcome])));

/** Checks an Ed25519 signature as docs/labels.md describes it. */
function signed({ id, erased, signature }, { public_key }) {
  const day = Buffer.alloc(4);
  day.writeUInt32BE(Date.parse(erased) / (24 * HOUR));
  const message = Buffer.concat([Buffer.from("keepset label erasure 1"), Buffer.from(id, "hex"), day]);
  const key = createPublicKey({ key: Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), Buffer.from(public_key, "hex")]), format: "der", type: "spki" });
  return verify(null, message, key, Buffer.from(signature, "hex"));
}

test("a label arrives with consent, and withdrawal erases it to the byte with a receipt that anyone can check", async () => {
  const visit = await enter({ collector: collector.url }, collector.url);
  await live(visit, 1);
  assert.deepEqual(visit.calls, [], "nothing before consent");
  await visit.page.evaluate((choice) => keepset.consent.set(choice), SHARES);
  await live(visit, 1);
  assert.deepEqual(visit.calls.map(({ method, status }) => [method, status]), [["POST", 200]]);
  const before = kept();

  await visit.page.evaluate(() => keepset.consent.set({ sharing: "denied" }));
  for (let n = 0; n < 200 && !visit.calls[1]?.body; n += 1) await visit.page.waitForTimeout(25);
  const [, { method, status, body }] = visit.calls;
  assert.deepEqual([method, status], ["DELETE", 200]);
  const { receipt } = JSON.parse(body);
  const terms = await collector.get("/v1/labels");
  const signer = terms.signs;
  assert.ok(signed(receipt, signer));
  assert.ok(!signed({ ...receipt, id: receipt.id.replace(/^./, (first) => (first === "0" ? "1" : "0")) }, signer));
  const name = Buffer.from(receipt.id, "hex");
  assert.ok(before.includes(name), "it was there under that name");
  assert.ok(!kept().includes(name) && !kept().includes(Buffer.from(receipt.id)), "and is gone from every file");
  assert.deepEqual(await ledger(visit.page), [["label", "accepted"], ["erasure", "accepted"]]);
  await visit.close();
});

test("labels and their erasure go through a relay as reports do, each in an envelope of one length", async () => {
  const visit = await enter({ collector: collector.url, relay: between.url }, between.url);
  await visit.page.evaluate((choice) => keepset.consent.set(choice), SHARES);
  await live(visit, 1);
  await visit.page.evaluate(() => keepset.consent.set({ sharing: "denied" }));
  for (let n = 0; n < 200 && visit.calls.length < 2; n += 1) await visit.page.waitForTimeout(25);
  await visit.page.evaluate(() => keepset.flush());
  assert.deepEqual(visit.calls.map(({ method, status }) => [method, status]), [["POST", 200], ["POST", 200]]);
  assert.equal(new Set(visit.calls.map(({ body }) => body.length)).size, 1, "nor does an answer tell which it was");
  assert.deepEqual(await ledger(visit.page), [["label", "accepted"], ["erasure", "accepted"]]);
  await visit.close();
});

test("with Global Privacy Control nothing is shared, whatever was agreed to", async () => {
  const visit = await enter({ collector: collector.url }, collector.url, `Object.defineProperty(Navigator.prototype, "globalPrivacyControl", { get: () => true });`);
  await visit.page.evaluate((choice) => keepset.consent.set(choice), SHARES);
  await live(visit, 1);
  assert.deepEqual([visit.calls, await ledger(visit.page)], [[], []]);
  await visit.close();
});
