// The ledger of the installed package: a chain anyone can compute, a file with a schema, and traffic that is held to it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import * as audit from "./support/audit.mjs";
import { nextWindow, start } from "./support/client.mjs";
import { collector } from "./support/collector.mjs";
import { seen } from "./support/har.mjs";
import { ALL, DAY, shelf, shop, START } from "./support/packs.mjs";
import { hashOf, sumOf } from "./support/receipt.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const { default: Ajv } = createRequire(join(root, "pkg-template/package.json"))("ajv/dist/2020.js");
const schema = JSON.parse(readFileSync(join(root, "docs/ledger.schema.json"), "utf8"));
const fits = new Ajv({ allErrors: true }).compile(schema);
const ZEROS = "0".repeat(64);

/** A client that answered so many days, and the collector that heard of it. */
async function answered(days, { answers, ...options } = {}) {
  const front = await collector(answers);
  const run = start({ collector: front.url, ...options });
  run.client.consent.set(ALL);
  await run.client.ready;
  for (let day = 0; day < days; day += 1) {
    run.client.track("purchase", { value: 1 });
    await nextWindow(run);
    await run.client.flush();
  }
  return { ...run, front, end: () => run.client.destroy().then(() => front.close()) };
}

const exported = async (client) => JSON.parse(await (await client.ledger.export()).text());

/** Holds a ledger to the plan and to requests. */
const verify = (ledger, requests, plan = shop().plan) => audit.verify(ledger, requests, { plan });

test("what left is a chain that the page about it is enough to compute", async () => {
  const run = await answered(3);
  const list = await run.client.ledger.list();
  assert.deepEqual(list.map(({ number }) => number), [0, 1, 2]);
  for (const [index, entry] of list.entries()) {
    assert.equal(entry.before, list[index - 1]?.hash ?? ZEROS);
    assert.equal(entry.hash, hashOf(entry));
    assert.equal(entry.sha256, sumOf(run.front.requests[index].body));
    assert.equal(entry.size, run.front.requests[index].body.length);
    const { kind, purpose, mechanism, epsilon, at, question } = entry;
    assert.deepEqual([kind, purpose, question, epsilon, at], ["report", "reporting", "sizes", 2, START + (index + 1) * DAY]);
    assert.match(mechanism, /^set_select\(n=2, m=1, k=1, tau=1\)$/);
    assert.deepEqual(entry.consent.reporting, { choice: "granted", since: START });
  }
  await run.end();
});

test("a receipt is written before anything leaves, and what becomes of the report changes nothing in it", async () => {
  const run = await answered(1, { answers: [[503, "application/problem+json", "{}"], [410, "application/problem+json", '{"type":"window-closed"}']] });
  const [first] = await run.client.ledger.list();
  assert.deepEqual([first.outcome, first.attempts], ["waiting", 1]);
  await run.client.flush();
  const [later] = await run.client.ledger.list();
  assert.deepEqual([later.outcome, later.hash, hashOf(later)], ["refused", first.hash, first.hash]);
  await run.end();
});

test("erasing keeps the chain and takes the bytes; what comes next goes on from it", async () => {
  const values = new Map();
  const run = await answered(2, { storage: shelf(values) });
  const before = await run.client.ledger.list();
  await run.client.reset();
  const after = await run.client.ledger.list();
  assert.deepEqual(after.map(({ hash, body }) => [hash, body.length]), before.map(({ hash }) => [hash, 0]));
  await nextWindow(run);
  await run.client.flush();
  const last = (await run.client.ledger.list()).at(-1);
  assert.deepEqual([last.number, last.before, last.hash], [2, before[1].hash, hashOf(last)]);
  await run.client.deleteAll();
  assert.deepEqual(await run.client.ledger.list(), []);
  await run.end();
});

test("the export fits its schema, names no report, and says nothing where nothing left", async () => {
  const run = await answered(2);
  const file = await exported(run.client);
  assert.equal(fits(file), true, JSON.stringify(fits.errors));
  const [{ plan }] = file.entries;
  assert.deepEqual([file.format, file.version, file.plans, file.entries.length], ["keepset-ledger", 1, [plan], 2]);
  const { id } = (await run.client.ledger.list())[0];
  const { entries, ...rest } = file;
  assert.doesNotMatch(JSON.stringify([rest, entries.map(({ body: _, ...entry }) => entry)]), new RegExp(id), "only the bytes themselves hold the name");
  assert.equal(fits({ ...file, entries: [{ ...file.entries[0], sha256: "00" }] }), false);
  await run.end();
  const idle = start();
  const empty = await exported(idle.client);
  assert.deepEqual([fits(empty), empty.entries, empty.plans], [true, [], []]);
  await idle.client.destroy();
});

test("captured traffic is exactly what the ledger says, and each way of deviating is named with its place", async () => {
  // The first answer is lost, so the first report is sent twice.
  const run = await answered(3, { answers: [[503, "text/html", "later"]] });
  await run.client.flush();
  const ledger = await exported(run.client);
  const requests = seen(run.front);
  const right = verify(ledger, requests);
  assert.equal(right.status, 0, right.stderr + right.stdout);
  assert.match(right.stdout, /chain of 3 entries is unbroken, the plan allowed every one/);

  const deviates = (code, place, what, traffic = requests, plan = shop().plan) => {
    const file = structuredClone(ledger);
    what(file);
    const done = verify(file, traffic, plan);
    assert.equal(done.status, 1, `${code}: ${done.stdout}`);
    const line = done.stdout.split("\n").find((line) => line.endsWith(`[${code}]`));
    assert.ok(line?.startsWith(place), `${code}: ${done.stdout}`);
  };
  const nothing = () => undefined;
  const change = (index, to) => requests.map((request, at) => (at === index ? { ...request, ...to } : request));
  const flipped = Buffer.from(requests[2].body);
  flipped[20] ^= 1;
  deviates("request_unknown", "request 3 (POST http://127.0.0.1", nothing, change(2, { body: flipped }));
  deviates("request_unknown", "request 5 (POST https://elsewhere.example/)", nothing, [...requests, { method: "POST", url: "https://elsewhere.example/", headers: {}, body: Buffer.from("who=me") }]);
  deviates("request_extra", "request 1 (POST", nothing, change(0, { headers: { ...requests[0].headers, cookie: "id=7" } }));
  deviates("chain_order", "entry 2: ", ({ entries }) => entries.splice(1, 1));
  deviates("chain_left_out", "entry 1: ", ({ entries }) => entries.shift());
  deviates("chain_order", "entry 1: ", ({ entries }) => entries.reverse());
  deviates("hash", "entry 1: ", ({ entries }) => (entries[1].epsilon = 1));
  deviates("plan", "entry 0: ", nothing, requests, { ...shop().plan, epsilon: 1 });
  await run.end();
});
