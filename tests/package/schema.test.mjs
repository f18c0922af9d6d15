// The published schema of packs and the engine agree on what is a pack.
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { start } from "./support/client.mjs";
import { features, filters, ground, packs, rules } from "./support/forms.mjs";
import { KEYS } from "./support/hpke.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const { default: Ajv } = createRequire(join(root, "pkg-template/package.json"))("ajv/dist/2020.js");
const json = (path) => JSON.parse(readFileSync(join(root, path), "utf8"));
const fits = new Ajv({ allErrors: true }).compile(json("packs/pack.schema.json"));
const retail = json("packs/retail/pack.json");

/** What the engine says of a pack: nothing, or the mistake. */
async function mistake(pack) {
  const run = start({ pack });
  await run.client.ready;
  const [error] = run.heard.error;
  await run.client.destroy();
  return error?.message;
}

test("every pack that ships and the packs of every vector fit the schema and are read", async () => {
  const names = readdirSync(join(root, "tests/vectors")).filter((name) => name.endsWith(".json") && !["formats.json", "consent-strings.json", "sentiment.json"].includes(name));
  const shipped = readdirSync(join(root, "packs")).filter((name) => existsSync(join(root, "packs", name, "pack.json")));
  assert.ok(shipped.length >= 5);
  const packs = [...shipped.map((name) => json(join("packs", name, "pack.json"))), ...names.map((name) => json(join("tests/vectors", name)).pack)];
  assert.ok(packs.length >= 8);
  for (const pack of packs) {
    assert.ok(fits(pack), JSON.stringify(fits.errors));
    assert.equal(await mistake(pack), undefined);
  }
});

test("what breaks the shape of a pack is refused by the schema and by the engine", async () => {
  const bends = {
    "an unknown key": (pack) => (pack.segmnets = []),
    "no owner": (pack) => delete pack.owner,
    "a name with a capital": (pack) => (pack.id = "Retail"),
    "a date that is none": (pack) => (pack.expires = "soon"),
    "an unknown kind": (pack) => (pack.features.orders_28d.kind = "median"),
    "a window of no days": (pack) => (pack.features.orders_28d.window_days = 0),
    "a sum without a property": (pack) => delete pack.features.spend_28d.property,
    "an unknown operator": (pack) => (pack.segments[0].enter.op = "=>"),
    "a rule of two forms": (pack) => (pack.segments[0].enter.segment = "regular"),
    "an empty list of rules": (pack) => (pack.segments[0].enter = { all: [] }),
    "an epsilon beyond what is allowed": (pack) => (pack.plan.epsilon = 9),
    "no question": (pack) => (pack.plan.questions = []),
    "a cap of none": (pack) => (pack.plan.questions[0].cap = 0),
    "a collector without keys": (pack) => (pack.collector = { keys: [] }),
    "a gateway without keys": (pack) => (pack.collector = { keys: KEYS, gateway: [] }),
    "a collector that has only a gateway": (pack) => (pack.collector = { gateway: KEYS }),
    "a key that is none": (pack) => (pack.collector = { keys: [{ ...KEYS[0], public_key: "A".repeat(64) }] }),
    "a private key": (pack) => (pack.collector = { keys: [{ ...KEYS[0], private_key: KEYS[0].public_key }] }),
    "a segment asked twice": (pack) => pack.plan.questions[0].segments.push("best"),
    "a mapping of a signal nobody knows": (pack) => (pack.consent = { usp: {} }),
    "a mapping of a gate nobody knows": (pack) => (pack.consent = { tcf: { tracking: [1] } }),
    "a mapping to a purpose there is none of": (pack) => (pack.consent = { tcf: { storage: [25] } }),
    "a mapping to an interest in what needs consent": (pack) => (pack.consent = { tcf: { segmentation: [["li5"]] } }),
    "a matter nobody knows": (pack) => (pack.sensitive = ["wealth"]),
    "no matter at all": (pack) => (pack.sensitive = []),
    "an event of two matters": (pack) => (pack.events.purchase.sensitive = ["health", "religion"]),
    "a plan of a matter nobody knows": (pack) => (pack.plan.sensitive = ["wealth"]),
  };
  for (const [what, bend] of Object.entries(bends)) {
    const pack = structuredClone(retail);
    bend(pack);
    assert.equal(fits(pack), false, `the schema lets ${what} pass`);
    assert.match((await mistake(pack)) ?? "", /\$/, `the engine lets ${what} pass, or does not name its place`);
  }
});

test("a network is refused alike by the schema and by the engine", async () => {
  const { pack } = json("tests/vectors/network.json");
  const [layer] = pack.models.relu.layers;
  const bends = [
    { format: 2 },
    { features: [] },
    { scaling: [] },
    { scaling: pack.models.relu.scaling.map(([centre]) => [centre, 0]) },
    { layers: [] },
    { layers: Array(9).fill(layer) },
    { layers: [{ ...layer, activation: "gelu" }] },
    { layers: [{ ...layer, bias: [0] }] },
    { layers: [{ units: [["1", 0, 0, 0, 0]] }] },
    { layers: [{ units: [] }] },
    { intercept: 1 },
  ];
  for (const bend of bends) {
    const bent = structuredClone(pack);
    Object.assign(bent.models.relu, bend);
    await judge(bent, false, JSON.stringify(bend));
  }
});

test("a model of buying is refused alike by the schema and by the engine", async () => {
  const { pack } = json("tests/vectors/buying.json");
  const bends = [
    ["often", { score: "sales" }],
    ["often", { within_days: 0 }],
    ["often", { alpha: 0 }],
    ["often", { a: 51 }],
    ["often", { p: 2 }],
    ["often", { features: ["n", "r"] }],
    ["often", { typical: [1, 2] }],
    ["often", { adapt: {} }],
    ["here", { within_days: 28 }],
    ["much", { q: 1 }],
    ["much", { features: ["n", "r", "t"] }],
    ["much", { typical: [1, 2, 3] }],
  ];
  for (const [model, bend] of bends) {
    const bent = structuredClone(pack);
    Object.assign(bent.models[model], bend);
    await judge(bent, false, JSON.stringify(bend));
  }
  for (const [model, key] of [["often", "b"], ["often", "within_days"], ["much", "v"], ["here", "definitions"]]) {
    const bent = structuredClone(pack);
    delete bent.models[model][key];
    await judge(bent, false, `${model} without ${key}`);
  }
});

/** Holds the schema and the engine to one answer about a pack. */
async function judge(pack, right, what) {
  const said = `${what}: ${JSON.stringify(right ? fits.errors : pack)}`;
  assert.equal(fits(pack), right, `the schema ${right ? "refuses" : "lets pass"} ${said}`);
  const heard = await mistake(pack);
  if (right) assert.equal(heard, undefined, `the engine refuses ${what}`);
  else assert.match(heard ?? "", /\$/, `the engine lets pass, or does not name the place of ${what}`);
}

/** Puts every form of a pair of lists into the ground pack and judges it. */
async function judgeAll([accepted, refused], put) {
  assert.ok(accepted.length >= 1 && refused.length >= 2);
  for (const [forms, right] of [[accepted, true], [refused, false]]) {
    for (const form of forms) {
      const pack = structuredClone(ground);
      put(pack, form);
      await judge(pack, right, typeof form === "function" ? String(form) : JSON.stringify(form));
    }
  }
}

test("every kind of feature is accepted and refused alike by the schema and by the engine", async () => {
  assert.deepEqual(Object.keys(features).sort(), [...json("packs/pack.schema.json").$defs.feature.properties.kind.enum].sort());
  for (const [kind, forms] of Object.entries(features)) {
    await judgeAll(forms, (pack, form) => (pack.features.tried = { kind, title: "tried", ...form }));
  }
});

test("every filter is accepted and refused alike by the schema and by the engine", () =>
  judgeAll(filters, (pack, where) => (pack.features.tried = { kind: "count", event: "purchase", where })));

test("every form of a rule is accepted and refused alike by the schema and by the engine", () => judgeAll(rules, (pack, rule) => (pack.segments[0].enter = rule)));

test("events, segment terms, experiments and limits are accepted and refused alike by the schema and by the engine", () => judgeAll(packs, (pack, change) => change(pack)));
