// What TypeScript lets a developer write, against the installed package.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { install } from "./support/installed.mjs";
import { ALL, DAY, handClock, shop } from "./support/packs.mjs";
import { BUNDLER, compiler, NODE16 } from "./support/tsc.mjs";

const installed = install();
const compile = compiler(installed.folder);

const RIGHT = `
import { init, isKeepsetError, type Keepset, type Membership, type StorageAdapter } from "keepset";
declare const adapter: StorageAdapter;
const keepset: Keepset = init({ pack: new URL("https://shop.example/pack.json"), collector: "https://r.example", storage: adapter, debug: (level, message) => console.log(level, message) });
keepset.track("purchase", { value: 2, gift: true, department: "x" });
keepset.track("visit");
keepset.track("visit", {}, { at: new Date(), id: "visit-7" });
const off: () => void = keepset.on("change", ({ entered, left, snapshot }) => console.log(entered.length + left.length, snapshot.segments), { once: true });
keepset.on("change", ({ reasons }) => reasons.forEach(({ segment, cause, by, because }) => console.log(segment, cause === "event" ? by : because)));
keepset.on("error", (error) => { if (error.code === "csp_blocked") off(); });
keepset.page();
keepset.page({ section: "shoes" }, { at: new Date() });
keepset.setTraits({ plan: "pro", seats: 5 });
void keepset.setProfile("account-7").then(() => keepset.setProfile(null));
keepset.on("enter", ({ segment, membership }) => console.log(segment, membership.since));
keepset.on("exit", ({ segment, at }) => console.log(segment, at));
void keepset.ledger.list({ since: 0, limit: 9, signal: AbortSignal.abort() });
export const ends: AsyncDisposable = keepset;
keepset.whenIn("regular", (membership: Membership) => console.log(membership.since));
void keepset.consent.set({ segmentation: "granted", reporting: "denied" });
export async function read(): Promise<number> {
  const report = await keepset.preview({ signal: AbortSignal.abort() });
  const why = await keepset.explain("regular");
  if (why?.condition.kind === "feature" && why.condition.value !== undefined) return why.condition.value;
  const changes = await keepset.simulate([{ name: "purchase", properties: { value: 2 }, at: new Date() }]);
  if (why?.nearest?.kind === "event" && changes.length > 0) return why.nearest.times;
  for (const { id, value, label } of await keepset.features()) console.log(id, value ?? label ?? why?.visitor);
  const { sent, skipped } = await keepset.flush();
  if (skipped === "not_due") return 0;
  return (report?.body.length ?? 0) + sent + ((await keepset.ledger.budget())?.limit ?? 0);
}
try { } catch (error) { if (isKeepsetError(error)) console.log(error.code, error.docs); }
`;

test("right code compiles, as a module, as CommonJS and through a bundler", () => {
  for (const [name, options] of [["right.mts", NODE16], ["right.cts", NODE16], ["right.ts", BUNDLER]]) {
    assert.deepEqual(compile(name, RIGHT, options).errors, [], name);
  }
});

test("the declarations hold up on their own, without skipping library checks", () => {
  const { errors, status, stdout } = compile("alone.ts", 'export * from "keepset";', BUNDLER);
  assert.deepEqual(errors, []);
  assert.equal(status, 0, stdout);
});

test("each kind of wrong code is refused at its line", () => {
  const wrong = {
    "no pack": "init({});",
    "an option that does not exist": 'init({ pack: {}, colector: "x" });',
    "a purpose that does not exist": 'k.consent.set({ ads: "granted" });',
    "a choice that does not exist": 'k.consent.set({ reporting: "maybe" });',
    "a choice taken back to pending": 'k.consent.set({ reporting: "pending" });',
    "a property that is an object": 'k.track("purchase", { value: { amount: 1 } });',
    "an event without a name": "k.track();",
    "a trait that is an object": "k.setTraits({ plan: { name: 1 } });",
    "an account that is a number": "void k.setProfile(7);",
    "an event of the client that does not exist": 'k.on("changed", () => {});',
    "a code that does not exist": 'k.on("error", (e) => e.code === "oops");',
    "a snapshot that is written to": "k.getSnapshot().updatedAt = 1;",
    "a storage without delete": 'init({ pack: {}, storage: { get: async () => undefined, set: async () => {} } });',
  };
  const head = 'import { init, type Keepset } from "keepset"; declare const k: Keepset;\n';
  for (const [what, line] of Object.entries(wrong)) {
    const { errors } = compile("wrong.ts", head + line, BUNDLER);
    assert.equal(errors.length, 1, `${what}: ${errors.join("\n") || "compiled"}`);
    assert.match(errors[0], /\(2,\d+\)/, what);
  }
});

test("events and segments of one's own are checked by name and by property", () => {
  const head = `import { init } from "keepset";
    declare module "keepset" { interface Register { events: { purchase: { value: number }; visit: undefined; page_view: { section?: "shoes" } | undefined; traits: { plan?: "free" | "pro" } | undefined }; segments: "regular" | "new" } }
    const k = init({ pack: {} });\n`;
  const right = 'k.page(); k.page({ section: "shoes" }); k.setTraits({ plan: "pro" }); k.track("purchase", { value: 1 }); k.track("visit"); k.has("new"); k.on("change", ({ entered }) => { const x: "regular" | "new" | undefined = entered[0]; return x; });';
  assert.deepEqual(compile("mine.ts", head + right, BUNDLER).errors, []);
  for (const line of ['k.page({ section: "hats" });', 'k.setTraits({ plan: "gold" });', 'k.track("purchase");', 'k.track("purchase", { value: "1" });', 'k.track("purchased", { value: 1 });', 'k.has("regulr");', 'void k.explain("old");']) {
    assert.equal(compile("mine.ts", head + line, BUNDLER).errors.length, 1, line);
  }
});

test("what the engine really returns has exactly the declared shape", async () => {
  const { createClient } = await import(pathToFileURL(join(installed.dist, "node.js")).href);
  const clock = handClock();
  const rest = { at_least: 1, of: [{ experiment: "spring", in: ["offer"] }, { feature: "trip", in: ["b", "c"] }, { feature: "orders", between: [5, 9] }] };
  const both = { all: [{ any: [{ feature: "orders", op: ">=", value: 1 }, { model: "score", op: ">", value: 9 }] }, { not: { segment: "fan" } }] };
  const models = { score: { kind: "linear", title: "score", intercept: 0, weights: { orders: 1 }, missing: 0 } };
  const features = { ...shop().features, trip: { kind: "last", event: "purchase", by: "trip", title: "trip" } };
  const events = { ...shop().events, purchase: { title: "an order", properties: { ...shop().events.purchase.properties, trip: { type: "category", values: ["a", "b", "c"] } } } };
  const experiments = { spring: { title: "spring", salt: "2026", arms: { control: 1, offer: 1 } } };
  const segments = [...shop().segments, { id: "both", title: "Both", reason: "r", enter: both }, { id: "rest", title: "Rest", reason: "r", enter: rest, minimum_stay_days: 3 }];
  const pack = shop({ models, features, events, experiments, segments });
  const client = createClient({ pack, clock, collector: { url: "https://r.example", transport: async () => ({ outcome: "accepted" }) } });
  await client.consent.set(ALL);
  const out = await client.explain("both");
  const changes = [];
  client.on("change", (change) => changes.push(change));
  client.track("purchase", { value: 1, trip: "b" });
  await client.ledger.list();
  const held = await client.explain("rest");
  assert.equal(held.held.by, "minimum_stay");
  clock.skip(DAY);
  const values = {
    ConsentState: [client.consent.get()],
    Snapshot: [client.getSnapshot()],
    Explanation: [out, held, await client.explain("both"), await client.explain("buyer")],
    SegmentChange: [...changes[0].reasons, ...(await client.simulate([{ name: "purchase", at: clock.now() + 99 * DAY }]))],
    FeatureValue: await client.features(),
    Intake: [(await client.exportData()).intake],
    Report: [await client.preview()],
    FlushResult: [await client.flush(), await client.flush()],
    LedgerEntry: await client.ledger.list(),
    Budget: [await client.ledger.budget()],
    DeviceData: [await client.exportData()],
  };
  await client.destroy();
  // As literals: TypeScript then refuses what is missing and what is too much, at every depth.
  const literal = (value) => JSON.stringify(value, (_, part) => (part instanceof Uint8Array ? `BYTES${part.length}` : part)).replace(/"BYTES(\d+)"/g, "new Uint8Array($1)");
  const lines = Object.entries(values).flatMap(([type, list]) => list.map((value, n) => `export const ${type}${n}: ${type} = ${literal(value)};`));
  assert.ok(Object.values(values).every((list) => list.length > 0) && lines.length >= 18, `${lines.length} values`);
  const head = `import type { ${Object.keys(values).join(", ")} } from "keepset";\n`;
  assert.deepEqual(compile("shapes.ts", head + lines.join("\n"), BUNDLER).errors, []);
  assert.equal(compile("shapes.ts", `${head}${lines.join("\n").replace('"title"', '"titel"')}`, BUNDLER).errors.length > 0, true);
});
