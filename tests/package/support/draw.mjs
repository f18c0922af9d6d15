// Many reports drawn through a client, and whether they follow the law the estimator inverts.
import assert from "node:assert/strict";

import { channel, fit, law, ones, shape } from "./chi.mjs";
import { shop } from "./packs.mjs";

/** Of the plan. */
export const EPSILON = 2;
/** The first cell belongs to a segment the device is in for ever, the others to segments it is never in. */
const ONE = { feature: "ordered", op: ">=", value: 0 };
const IN = { any: [ONE, { not: ONE }] };
const OUT = { all: [ONE, { not: ONE }] };
const SEGMENTS = ["a", "b", "c", "d"];
const QUESTIONS = [
  { id: "one", reason: "r", segments: SEGMENTS, cap: 1 },
  { id: "many", reason: "r", segments: SEGMENTS, cap: 2 },
];
/** Asks two questions, one answer a day. */
export const pack = shop({
  expires: "9999-01-01",
  features: { ordered: { kind: "recency", event: "purchase", title: "t" } },
  segments: SEGMENTS.map((id, index) => ({ id, title: id, reason: "r", enter: index === 0 ? IN : OUT })),
  plan: { ...shop().plan, starts: "1971-01-01", expires: "9999-01-01", epsilon: EPSILON, questions: QUESTIONS },
});

/** Draws through the client; the same text runs in Node and in a page. Returns [question, bits] of every report. */
export async function draw({ createClient, pack, choices, day, reports, options }) {
  let now = day * 366;
  const drawn = [];
  // version 1, plan hash 16, question 2, epoch 4, id 16: the bitmap begins at byte 39.
  const transport = async () => ({ outcome: "accepted" });
  const kept = new Map();
  const storage = { get: async (key) => kept.get(key), set: async (key, value) => void kept.set(key, value), delete: async (key) => void kept.delete(key) };
  const client = createClient({ pack, clock: { now: () => now }, storage, collector: { url: "https://r.example", transport }, ...options });
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
export function judge(drawn, epsilon = EPSILON) {
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
