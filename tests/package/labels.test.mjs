// Labels in the installed package: nothing before consent to share, then in their own time and their own request, and taken back at once.
import assert from "node:assert/strict";
import { test } from "node:test";

import * as audit from "./support/audit.mjs";
import { start } from "./support/client.mjs";
import { collector } from "./support/collector.mjs";
import { seen } from "./support/har.mjs";
import { unsealLabels } from "./support/hpke.mjs";
import { ALL, DAY, sharing, shelf } from "./support/packs.mjs";
import { hashOf, sha256, sumOf } from "./support/receipt.mjs";
import { stores } from "./support/site.mjs";
import { files, grant, ready, track, visit } from "./support/visit.mjs";

const HOUR = DAY / 24;
const OWN_TIME = 5 * HOUR;

const proofOf = (secret) => sha256("keepset label proof 1", secret);

/** What docs/labels.md says stands where. */
function read(body) {
  const text = unsealLabels(body);
  return { version: text[0], kind: text[1], name: text.subarray(18, 50), agreed: text.readUInt32BE(54), day: text.readUInt32BE(50), signal: text[58], held: text[75], length: text.length };
}

const asked = ({ method, url }) => `${method} ${url}`;
const about = (front, path) => front.requests.filter(({ url }) => url === path);

/** Holds a ledger to the pack, its terms and requests. */
const verify = (ledger, requests, pack = sharing()) => audit.verify(ledger, requests, { plan: pack, labels: pack });

/** Lets a device live for so many steps of seven hours, and says when what arrived. */
async function live({ client, clock, front, arrivals = [] }, steps) {
  for (let step = 0; step < steps; step += 1) {
    clock.skip(7 * HOUR);
    const before = front.requests.length;
    await client.flush();
    arrivals.push(...front.requests.slice(before).map((request) => ({ at: clock.now(), what: asked(request) })));
  }
  return arrivals;
}

test("a device shares only with consent to it, in its own time, and takes back what it shared", async () => {
  const front = await collector();
  const run = { ...start({ pack: sharing(), collector: front.url }), front };
  const { client } = run;
  await client.consent.set({ ...ALL, sharing: "denied" });
  client.track("purchase", { value: 1 });
  await live(run, 12);
  assert.ok(front.requests.length > 1 && front.requests.every((request) => asked(request) === "POST /v1/reports"));

  await client.consent.set({ sharing: "granted" });
  const arrivals = await live(run, 30);
  const shared = about(front, "/v1/labels");
  assert.ok(shared.length >= 3, `${shared.length}`);
  const [first] = shared;
  assert.equal(first.method, "POST");
  assert.equal(first.headers["content-type"], "application/vnd.keepset.sealed-labels");
  const { version, kind, held, day, agreed, length } = read(first.body);
  assert.deepEqual([version, kind, held, length], [1, 0, 1, 76]);
  assert.ok(agreed <= day);
  // One name, other bytes each time, one length.
  assert.equal(new Set(shared.map(({ body }) => read(body).name.toString("hex"))).size, 1);
  assert.deepEqual([new Set(shared.map(({ body }) => sumOf(body))).size, new Set(shared.map(({ body }) => body.length)).size], [shared.length, 1]);
  const near = arrivals.flatMap((one) => arrivals.filter((other) => one.what !== other.what && Math.abs(one.at - other.at) < OWN_TIME));
  assert.deepEqual(near, [], "never within hours of a report");

  const before = front.requests.length;
  await client.consent.set({ sharing: "denied" });
  await client.flush();
  const [erasure, ...more] = front.requests.slice(before);
  assert.deepEqual([asked(erasure), more.length], ["DELETE /v1/labels", 0]);
  const taken = read(erasure.body);
  assert.deepEqual([taken.kind, erasure.body.length], [1, first.body.length]);
  assert.deepEqual(proofOf(taken.name), read(first.body).name, "the secret of that name, and of no other");
  const heard = run.heard.report.map(({ report, outcome }) => `${report.kind} ${outcome}`);
  assert.ok(heard.includes("label accepted") && heard.at(-1) === "erasure accepted");
  await live(run, 12);
  assert.deepEqual(about(front, "/v1/labels").length, shared.length + 1, "and then nothing more about labels");

  const ledger = JSON.parse(await (await client.ledger.export()).text());
  for (const entry of ledger.entries) assert.equal(entry.hash, hashOf(entry));
  const right = verify(ledger, seen(front));
  assert.equal(right.status, 0, right.stderr + right.stdout);
  const other = verify(ledger, seen(front), sharing({ labels: { ...sharing().labels, text_version: 4 } }));
  assert.match(other.stdout, /was shared under the terms .*\[terms\]/);
  await client.destroy();
  await front.close();
});

test("deleteAll and withdrawal of storage take back what was shared, with nothing left to store it in", async () => {
  for (const end of [(client) => client.deleteAll(), (client) => client.consent.set({ storage: "denied" })]) {
    const front = await collector();
    const values = new Map();
    const run = { ...start({ pack: sharing(), collector: front.url, storage: shelf(values) }), front };
    await run.client.consent.set(ALL);
    await live(run, 14);
    const shared = about(front, "/v1/labels");
    assert.ok(shared.length > 0);
    await end(run.client);
    for (let look = 0; look < 100 && about(front, "/v1/labels").at(-1).method !== "DELETE"; look += 1) await run.client.flush();
    const last = about(front, "/v1/labels").at(-1);
    assert.equal(last.method, "DELETE");
    assert.deepEqual(proofOf(read(last.body).name), read(shared[0].body).name);
    assert.equal(values.size, 0);
    await run.client.destroy();
    await front.close();
  }
});

test("what beforeSend drops is not shared, and it cannot stop what takes back", async () => {
  const front = await collector();
  const kinds = [];
  const beforeSend = (report) => (kinds.push(report.kind), report.kind === "label" && kinds.filter((kind) => kind === "label").length === 1 ? null : report);
  const run = { ...start({ pack: sharing(), collector: front.url, beforeSend }), front };
  await run.client.consent.set(ALL);
  await live(run, 25);
  const labels = kinds.filter((kind) => kind === "label").length;
  assert.equal(about(front, "/v1/labels").length, labels - 1);
  await run.client.consent.set({ sharing: "denied" });
  await run.client.flush();
  assert.deepEqual([about(front, "/v1/labels").at(-1).method, kinds.includes("erasure")], ["DELETE", false]);
  await run.client.destroy();
  await front.close();
});

test("a page asks for nothing before consent, shares in one request of its own, and sends one DELETE when consent ends", async () => {
  const front = await collector();
  const shopVisit = await visit({ options: { collector: front.url }, files: { ...files({ collector: front.url }), "/pack.json": JSON.stringify(sharing()) } });
  const page = await shopVisit.enter();
  assert.equal(await ready(page), "ready");
  await track(page, 1);
  const step = () => page.evaluate((ms) => (skip(ms), keepset.flush()), 7 * HOUR);
  for (let n = 0; n < 6; n += 1) await step();
  assert.deepEqual([front.requests.length, await stores(page)], [0, {}]);
  assert.ok(shopVisit.site.requests.every((path) => !path.includes("report")), "not even what makes labels is asked for");

  // Without consent to reports labels are all that leaves.
  await grant(page, { segmentation: "granted", storage: "granted", sharing: "granted" });
  await track(page, 1);
  for (let n = 0; n < 20 && front.requests.length === 0; n += 1) await step();
  assert.deepEqual(front.requests.map(asked), ["POST /v1/labels"]);
  const [{ headers, body }] = front.requests;
  assert.deepEqual([headers.cookie, headers.referer, headers.authorization], [undefined, undefined, undefined]);
  assert.equal(read(body).held, 1);

  await grant(page, { sharing: "denied" });
  for (let n = 0; n < 200 && front.requests.length < 2; n += 1) await page.waitForTimeout(25);
  for (let n = 0; n < 6; n += 1) await step();
  assert.deepEqual(front.requests.map(asked), ["POST /v1/labels", "DELETE /v1/labels"]);
  assert.deepEqual(proofOf(read(front.requests[1].body).name), read(body).name);
  const ledger = JSON.parse(await page.evaluate(() => keepset.ledger.export().then((file) => file.text())));
  assert.deepEqual(ledger.entries.map(({ kind, outcome }) => [kind, outcome]), [["label", "accepted"], ["erasure", "accepted"]]);
  const right = verify(ledger, seen(front));
  assert.equal(right.status, 0, right.stderr + right.stdout);
  assert.deepEqual(page.problems, []);
  await shopVisit.close();
  await front.close();
});
