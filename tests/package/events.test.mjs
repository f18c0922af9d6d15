// Events on their way in, and what the client says about them: in a rush, twice, in a "what if", with reasons.
import assert from "node:assert/strict";
import { test } from "node:test";

import { createClient, start } from "./support/client.mjs";
import { ALL, DAY, handClock, shelf, shop } from "./support/packs.mjs";

const intake = (client) => client.exportData().then((data) => data.intake);

test("ten thousand events in a loop all count, and the page has its turn in between", async () => {
  const { client, codes } = start({ storage: "memory" });
  await client.consent.set(ALL);
  let turns = 0;
  const beat = setInterval(() => (turns += 1), 1);
  for (let n = 0; n < 10_000; n += 1) client.track("purchase", { value: 1 });
  const why = await client.explain("fan");
  clearInterval(beat);
  assert.equal(why.condition.value, 10_000);
  assert.deepEqual(codes(), []);
  // Ten thousand events are more than one slice of 4 ms on any machine; how many more is no matter here.
  assert.ok(turns >= 1, `the page had ${turns} turns`);
  await client.destroy();
});

test("events of a rush, each in a turn of its own, are all told of in their order, and a question among them is answered after those before it", async () => {
  const pack = shop();
  const ids = Array.from({ length: 400 }, (_, n) => `order-${n + 1}`);
  pack.segments = ids.map((id, n) => ({ id, title: id, reason: "because", enter: { feature: "orders", op: ">=", value: n + 1 } }));
  delete pack.plan;
  const { client, heard } = start({ storage: "memory", pack });
  await client.consent.set(ALL);
  for (let n = 0; n < 399; n += 1) {
    client.track("purchase", { value: 1 });
    await null;
    if (n % 100 === 99) assert.equal((await client.features()).find(({ id }) => id === "orders").value, n + 1);
  }
  client.track("purchase", { value: 1 });
  const last = new Promise((resolve) => client.whenIn("order-400", resolve));
  assert.equal((await last).id, "order-400");
  assert.deepEqual(heard.change.flatMap(({ entered }) => entered), ids);
  assert.deepEqual(heard.change.flatMap(({ reasons }) => reasons.map(({ segment }) => segment)), ids);
  assert.deepEqual(heard.change.at(-1).snapshot.segments.map(({ id }) => id), ids);
  await client.destroy();
});

test("a question asked after events is answered after them, and a choice is in force between the events around it", async () => {
  const { client } = start({ storage: "memory" });
  for (let n = 0; n < 100; n += 1) client.track("purchase", { value: 1 });
  client.consent.set(ALL);
  for (let n = 0; n < 500; n += 1) client.track("purchase", { value: 1 });
  const between = client.explain("fan");
  client.consent.set({ segmentation: "denied" });
  for (let n = 0; n < 100; n += 1) client.track("purchase", { value: 1 });
  assert.equal((await between).condition.value, 500);
  assert.equal((await client.explain("fan")).condition.value, 0);
  await client.destroy();
});

test("what no longer fits in the line is dropped, and one error says how many", async () => {
  const { client, heard } = start({ storage: "memory" });
  client.consent.set(ALL);
  for (let n = 0; n < 20_500; n += 1) client.track("purchase", { value: 1 });
  assert.equal((await client.explain("fan")).condition.value, 20_000);
  assert.deepEqual(heard.error.map(({ code, count }) => [code, count]), [["too_many_calls", 500]]);
  client.track("purchase", { value: 1 });
  assert.equal((await client.explain("fan")).condition.value, 20_001);
  await client.destroy();
});

test("an event told twice by its id counts once, in one visit and in the next", async () => {
  const run = start();
  await run.client.consent.set(ALL);
  for (const id of ["a", "b", "a", "b", "a"]) run.client.track("purchase", { value: 1 }, { id });
  assert.equal((await run.client.explain("fan")).condition.value, 2);
  assert.equal((await intake(run.client)).duplicates, 3);
  run.client.track("purchase", { value: 1 }, { id: "" });
  run.client.track("purchase", { value: 1 }, { id: 7 });
  run.client.track("purchase", { value: 1 }, { id: "x".repeat(201) });
  assert.deepEqual(run.codes(), ["invalid_event", "invalid_event", "invalid_event"]);
  await run.client.destroy();
});

test("a change says of each segment what made it so, and in what order", async () => {
  const { client, clock, heard } = start({ storage: "memory" });
  await client.consent.set(ALL);
  client.track("purchase", { value: 1 });
  await client.ledger.list();
  const [{ entered, left, reasons }] = heard.change;
  assert.deepEqual([entered, left], [["buyer"], []]);
  assert.deepEqual(reasons, [{ segment: "buyer", kind: "entered", at: clock.now(), cause: "event", by: "purchase", because: "orders in 28 days: 1 (asked: at least 1)" }]);
  // Put into words when it is read, and a copy holds the words.
  assert.deepEqual([structuredClone(reasons), JSON.parse(JSON.stringify(reasons)), [{ ...reasons[0] }]], [reasons, reasons, reasons]);
  clock.skip(40 * DAY);
  await client.ledger.list();
  assert.deepEqual(heard.change.at(-1).left, ["buyer"]);
  assert.equal(heard.change.at(-1).reasons[0].cause, "time");
  // In and out again in one go: the segments are as before, and the reasons tell of it.
  client.track("purchase", { value: 1 });
  await client.ledger.list();
  client.consent.set({ segmentation: "denied" });
  await client.consent.set(ALL);
  assert.deepEqual(heard.change.at(-1).reasons.map(({ segment, kind, cause }) => [segment, kind, cause]), [["buyer", "left", "consent"]]);
  await client.destroy();
});

test("what time changed while the page was closed has its reason in the next visit's first change", async () => {
  const storage = shelf();
  const pack = shop();
  pack.segments.push({ id: "gone", title: "Gone", reason: "because you have not been here", enter: { feature: "ordered", op: ">=", value: 30 } });
  const first = start({ storage, pack });
  await first.client.consent.set(ALL);
  first.client.track("purchase", { value: 1 });
  await first.client.destroy();
  const clock = handClock(first.clock.now() + 35 * DAY);
  const client = createClient({ pack, storage, clock });
  const changes = [];
  client.on("change", (change) => changes.push(change));
  await client.ready;
  assert.deepEqual(changes[0].entered, ["gone"]);
  assert.deepEqual(changes[0].reasons.map(({ segment, kind, cause }) => [segment, kind, cause]), [["buyer", "left", "time"], ["gone", "entered", "time"]]);
  await client.destroy();
});

test("simulate says what events would change and changes nothing; features and export say what is held", async () => {
  const { client, clock, codes } = start({ storage: "memory" });
  await client.consent.set(ALL);
  client.track("purchase", { value: 1 });
  const ten = Array.from({ length: 10 }, () => ({ name: "purchase", properties: { value: 1 } }));
  const changes = await client.simulate(ten);
  assert.deepEqual(changes.map(({ segment, kind, cause, by }) => [segment, kind, cause, by]), [["fan", "entered", "event", "purchase"]]);
  const later = await client.simulate([{ name: "visit", at: clock.now() + 40 * DAY }]);
  assert.deepEqual(later.map(({ segment, kind }) => [segment, kind]), [["buyer", "left"]]);
  assert.ok(!client.has("fan") && client.has("buyer"));
  const features = await client.features();
  assert.deepEqual(features.map(({ id, title, value }) => [id, title, value]), [["ordered", "days since the last order", 0], ["orders", "orders in 28 days", 1]]);
  assert.deepEqual(await client.simulate([{ name: "purchase", properties: { value: -5 } }]), []);
  assert.deepEqual(await client.simulate([{ name: 7 }]), []);
  assert.deepEqual(await client.simulate(undefined), []);
  assert.ok(codes().length === 3 && codes().every((code) => /^invalid/.test(code)), codes().join());
  const data = await client.exportData();
  assert.deepEqual(data.features, features);
  assert.deepEqual(data.intake, { accepted: 1, late: 0, duplicates: 0, undeclaredEvents: 0, undeclaredProperties: 0, refused: 0, evicted: 0 });
  assert.equal(data.memberships[0].sinceDate, new Date(clock.now()).toISOString());
  const why = await client.explain("fan");
  assert.match(why.visitor, /^You are not in “Fan”/);
  assert.deepEqual([why.nearest.kind, why.nearest.event, why.nearest.times], ["event", "purchase", 10]);
  assert.equal(why.sentence, "orders in 28 days: 1 (asked: at least 11)");
  await client.destroy();
  assert.deepEqual(await client.features(), []);
});

test("a listener that tracks and asks in the middle of a change is served in order", async () => {
  const { client } = start({ storage: "memory" });
  await client.consent.set(ALL);
  const answers = [];
  client.on("change", ({ entered }) => {
    if (!entered.includes("buyer")) return;
    for (let n = 0; n < 10; n += 1) client.track("purchase", { value: 1 });
    answers.push(client.explain("fan"));
  });
  for (let n = 0; n < 40; n += 1) client.track("purchase", { value: 1 });
  assert.equal((await client.explain("fan")).condition.value >= 40, true);
  assert.equal((await answers[0]).condition.value, 50);
  await client.destroy();
});
