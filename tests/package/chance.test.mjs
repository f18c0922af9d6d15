// The noise of the shipped module: what it really draws against the law the estimator inverts.
//
// Nothing in the package exists for this test. A plan that asks once a day, a clock that skips days and a listener
// that keeps the reports make the public client answer twenty thousand times; `keepset audit` draws millions, past the seal that takes most of the time here.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { channel, fit, law, ones, shape } from "./support/chi.mjs";
import { install } from "./support/installed.mjs";
import { ALL, DAY, shop } from "./support/packs.mjs";
import { browse, site } from "./support/site.mjs";

const { dist } = install();
const EPSILON = 2;
/** The first cell belongs to a segment the device is in for ever, the others to segments it is never in. */
const ONE = { feature: "ordered", op: ">=", value: 0 };
const IN = { any: [ONE, { not: ONE }] };
const OUT = { all: [ONE, { not: ONE }] };
const SEGMENTS = ["a", "b", "c", "d"];
const QUESTIONS = [
  { id: "one", reason: "r", segments: SEGMENTS, cap: 1 },
  { id: "many", reason: "r", segments: SEGMENTS, cap: 2 },
];
const pack = shop({
  expires: "9999-01-01",
  features: { ordered: { kind: "recency", event: "purchase", title: "t" } },
  segments: SEGMENTS.map((id, index) => ({ id, title: id, reason: "r", enter: index === 0 ? IN : OUT })),
  plan: { ...shop().plan, starts: "1971-01-01", expires: "9999-01-01", epsilon: EPSILON, questions: QUESTIONS },
});

/** Draws through the client; the same text runs in Node and in a page. Returns [question, bits] of every report. */
async function draw({ createClient, pack, choices, day, reports }) {
  let now = day * 366;
  const drawn = [];
  // version 1, plan hash 16, question 2, epoch 4, id 16: the bitmap begins at byte 39.
  const transport = async () => ({ outcome: "accepted" });
  const kept = new Map();
  const storage = { get: async (key) => kept.get(key), set: async (key, value) => void kept.set(key, value), delete: async (key) => void kept.delete(key) };
  const client = createClient({ pack, clock: { now: () => now }, storage, collector: { url: "https://r.example", transport } });
  client.on("report", ({ report: { body } }) => drawn.push([body[18], body[39] + 256 * (body[40] ?? 0)]));
  client.consent.set(choices);
  client.track("purchase", { value: 1 });
  await client.ready;
  for (let n = 0; n < reports; n += 1) {
    now += day;
    const { sent, skipped } = await client.flush();
    if (sent !== 1) throw new Error(`day ${n}: ${skipped}`);
  }
  const here = client.getSnapshot().segments.map(({ id }) => id);
  await client.destroy();
  return { drawn, here };
}

/** Counts of every output, by question. */
function counts(drawn) {
  const tables = QUESTIONS.map(() => new Map());
  for (const [question, bits] of drawn) tables[question].set(bits, (tables[question].get(bits) ?? 0) + 1);
  return tables;
}

/** Each question's own cells: the one membership, and "none" cells up to the cap. */
const own = ({ segments, cap }) => (cap === 1 ? 0b1 : 0b1 | (1 << segments.length));

/**
 * Checks all outputs of all questions. Every check has a false-alarm rate of one in a million; there are seven
 * per run, in two places: a sound module fails this file less than once in 70,000 runs.
 */
function judge(drawn, epsilon = EPSILON) {
  const failures = [];
  const check = (what, p) => p < 1e-6 && failures.push(`${what}: p = ${p}`);
  const tables = counts(drawn);
  const asked = tables.map((table) => [...table.values()].reduce((sum, count) => sum + count, 0));
  check("which question", fit(new Map(asked.entries()), new Map([[0, 0.5], [1, 0.5]])));
  QUESTIONS.forEach((question, index) => {
    const { size, tau, cells, p, q } = shape({ segments: SEGMENTS.length, cap: question.cap, epsilon: EPSILON });
    check(question.id, fit(tables[index], law({ cells, size, tau, own: own(question), epsilon })));
    // The estimator's own view: how often a member's and a non-member's cell is set, and what it makes of that.
    const expected = channel({ cells, size, tau, cap: question.cap, epsilon });
    const share = (bit) => [...tables[index]].reduce((sum, [bits, count]) => sum + (bits & bit ? count : 0), 0) / asked[index];
    const spread = (x) => Math.sqrt((x * (1 - x)) / asked[index]);
    for (const [bit, x] of [[1, expected.p], [2, expected.q]]) {
      // 4.9 standard deviations: one in a million.
      if (Math.abs(share(bit) - x) > 4.9 * spread(x)) failures.push(`${question.id}: cell ${bit} is set in ${share(bit)}, expected ${x}`);
    }
    assert.ok(p > q && [...tables[index].keys()].every((bits) => ones(bits) === size));
  });
  return failures;
}

test("twenty thousand reports drawn in Node follow the channel the estimator inverts", async () => {
  const { createClient } = await import(pathToFileURL(join(dist, "node.js")).href);
  const { drawn, here } = await draw({ createClient, pack, choices: ALL, day: DAY, reports: 20_000 });
  assert.deepEqual(here, ["a"]);
  assert.equal(drawn.length, 20_000);
  assert.deepEqual(judge(drawn), []);
  // The check can fail: it tells an epsilon that is a tenth higher from the stated one.
  assert.notDeepEqual(judge(drawn, EPSILON * 1.1), []);
});

test("five thousand reports drawn in Chromium do too, and no two runs are alike", async () => {
  const page = `import { createClient } from "/keepset/index.js"; globalThis.draw = (given) => (${draw})({ createClient, ...given });`;
  const place = await site(dist, { "/": '<!doctype html><script type="module" src="/page.js"></script>', "/page.js": page });
  const browser = await browse();
  const tab = await browser.newPage();
  await tab.goto(place.url);
  await tab.waitForFunction(() => globalThis.draw);
  const run = (reports) => tab.evaluate((given) => draw(given), { pack, choices: ALL, day: DAY, reports });
  const { drawn, here } = await run(5_000);
  assert.deepEqual(here, ["a"]);
  assert.deepEqual(judge(drawn), []);
  // Two runs of 64 reports agree by chance less than once in 2^64.
  assert.notDeepEqual((await run(64)).drawn, drawn.slice(0, 64));
  await browser.close();
  place.close();
});
