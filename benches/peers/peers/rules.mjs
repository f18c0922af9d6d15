// Engines that evaluate rules and keep no behaviour: each gets the facts ready-made, outside the clock.
// A rule is `{ id, all: [{ fact, op: ">=" | "<", value }] }`.
import RulesEngine from "@adobe/aep-rules-engine";
import { evalCondition, GrowthBook } from "@growthbook/growthbook";
import { Environment } from "@marcbachmann/cel-js";
import jsonLogic from "json-logic-js";
import { Engine } from "json-rules-engine";

/** A subject whose whole work is one function from facts to the ids of the rules that hold. */
const asks = (name, prepare, { facts, truth }, more = { peer: true }) => ({
  name,
  ...more,
  start() {
    const { waits = false, evaluate } = prepare();
    let held = [];
    const step = waits
      ? async (n) => void (held = await evaluate(facts(n)))
      : (n) => void (held = evaluate(facts(n)));
    return { waits, step, answer: () => held, truth };
  },
});

const logic = ({ rules }) => () => {
  const ready = rules.map(({ id, all }) => [id, { and: all.map(({ fact, op, value }) => ({ [op]: [{ var: fact }, value] })) }]);
  return { evaluate: (facts) => ready.flatMap(([id, rule]) => (jsonLogic.apply(rule, facts) ? [id] : [])) };
};

const OPERATORS = { ">=": "greaterThanInclusive", "<": "lessThan" };
const jsonRules = ({ rules }) => () => {
  const engine = new Engine();
  for (const { id, all } of rules) {
    engine.addRule({ conditions: { all: all.map(({ fact, op, value }) => ({ fact, operator: OPERATORS[op], value })) }, event: { type: id } });
  }
  return { waits: true, evaluate: async (facts) => (await engine.run(facts)).events.map(({ type }) => type) };
};

const MATCHERS = { ">=": "ge", "<": "lt" };
const adobe = ({ rules }) => () => {
  const condition = ({ fact, op, value }) => ({ type: "matcher", definition: { key: fact, matcher: MATCHERS[op], values: [value] } });
  const ruleset = rules.map(({ id, all }) => ({
    condition: { type: "group", definition: { logic: "and", conditions: all.map(condition) } },
    consequences: [{ id, type: "t", detail: {} }],
  }));
  const engine = RulesEngine({ version: 1, rules: ruleset });
  return { evaluate: (facts) => engine.execute(facts).flat().map(({ id }) => id) };
};

const cel = ({ rules, names }) => () => {
  const environment = names.reduce((so_far, name) => so_far.registerVariable(name, "double"), new Environment());
  const ready = rules.map(({ id, all }) => [id, environment.parse(all.map(({ fact, op, value }) => `${fact} ${op} ${value.toFixed(1)}`).join(" && "))]);
  return { evaluate: (facts) => ready.flatMap(([id, holds]) => (holds(facts) ? [id] : [])) };
};

const COMPARES = { ">=": "$gte", "<": "$lt" };
const mongo = (all) => Object.fromEntries(all.map(({ fact, op, value }) => [fact, { [COMPARES[op]]: value }]));
const flags = ({ rules }) => () => {
  const features = rules.map(({ id, all }) => [id, { defaultValue: false, rules: [{ condition: mongo(all), force: true }] }]);
  const growthbook = new GrowthBook({ features: Object.fromEntries(features) });
  return {
    waits: true,
    evaluate: async (facts) => {
      await growthbook.setAttributes(facts);
      return rules.flatMap(({ id }) => (growthbook.isOn(id) ? [id] : []));
    },
  };
};
const conditions = ({ rules }) => () => {
  const ready = rules.map(({ id, all }) => [id, mongo(all)]);
  return { evaluate: (facts) => ready.flatMap(([id, condition]) => (evalCondition(facts, condition) ? [id] : [])) };
};

/** The ids of the rules that hold, in the plainest way: the truth of the workload. */
export const holding = (rules, facts) =>
  rules.flatMap(({ id, all }) => (all.every(({ fact, op, value }) => (op === ">=" ? facts[fact] >= value : facts[fact] < value)) ? [id] : []));

/** The same comparisons in flat arrays, as one who has only these rules would write them. */
const flat = ({ rules, names }) => () => {
  const conditions = rules.flatMap(({ all }) => all);
  const table = {
    ids: rules.map(({ id }) => id),
    each: conditions.length / rules.length,
    which: Uint8Array.from(conditions, ({ fact }) => names.indexOf(fact)),
    below: Uint8Array.from(conditions, ({ op }) => Number(op === "<")),
    bound: Float64Array.from(conditions, ({ value }) => value),
    known: new Float64Array(names.length),
  };
  return { evaluate: (facts) => lookUp(table, names, facts) };
};

function lookUp({ ids, each, which, below, bound, known }, names, facts) {
  for (let k = 0; k < names.length; k += 1) known[k] = facts[names[k]];
  const held = [];
  for (let rule = 0; rule < ids.length; rule += 1) {
    let k = rule * each;
    const end = k + each;
    while (k < end && (below[k] === 1 ? known[which[k]] < bound[k] : known[which[k]] >= bound[k])) k += 1;
    if (k === end) held.push(ids[rule]);
  }
  return held;
}

/** Every rules engine on the same rules and facts, and the floor: the comparisons written by hand. */
export const ruleEngines = (work) => [
  asks("json-logic-js", logic(work), work),
  asks("json-rules-engine", jsonRules(work), work),
  asks("@adobe/aep-rules-engine", adobe(work), work),
  asks("@marcbachmann/cel-js", cel(work), work),
  asks("@growthbook/growthbook, flags", flags(work), work),
  asks("@growthbook/growthbook, conditions alone", conditions(work), work),
  asks("floor: the comparisons by hand", flat(work), work, { kind: "floor" }),
];
