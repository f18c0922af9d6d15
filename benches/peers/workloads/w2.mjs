// W2: after each event 100 rules of four conditions are evaluated; all of them read what the event changed.
import { both } from "../keepset.mjs";
import { list, pack, START } from "../packs.mjs";
import { holding, ruleEngines } from "../peers/rules.mjs";
import { dice, endless } from "../random.mjs";

const FACTS = 8;
const names = list(FACTS, (n) => `f${n}`);
const draw = dice(23);

/** Each fact walks by at most three at a time between 0 and 100. */
const facts = endless((_, last) =>
  Object.fromEntries(names.map((name) => [name, last ? Math.min(100, Math.max(0, last[name] + draw(7) - 3)) : 50])),
);
const rules = list(100, (n) => ({
  id: `r${n}`,
  all: [0, 1, 3, 6].map((step, k) => ({ fact: names[(n + step) % FACTS], op: (n + k) % 3 === 0 ? "<" : ">=", value: (n + k) % 3 === 0 ? 40 + draw(50) : 10 + draw(50) })),
}));

/** The facts as sums over events: an event carries how far each of them went. */
const event = endless((n) => ({
  name: "touch",
  properties: Object.fromEntries(names.map((name, k) => [`v${k}`, facts(n)[name] - (n > 0 ? facts(n - 1)[name] : 0)])),
}));
const truth = (n) => holding(rules, facts(n));

const sums = pack({
  events: [["touch", Object.fromEntries(names.map((_, k) => [`v${k}`, { type: "number", min: -100, max: 100 }]))]],
  features: names.map((name, k) => [name, { kind: "sum", event: "touch", property: `v${k}`, window_days: 28, title: "t" }]),
  segments: rules.map(({ id, all }) => [id, { all: all.map(({ fact, op, value }) => ({ feature: fact, op, value })) }]),
});

export default {
  id: "W2",
  title: "100 rules of four conditions, all of them touched",
  rounds: 5,
  ready: event,
  warm: 200,
  samples: 500,
  notes: [
    "The rules engines keep no behaviour: they are handed the eight facts ready-made, outside the clock, and answer anew which rules hold.",
    "Keepset takes in an event with eight numbers, keeps eight sums over 28 days, evaluates the rules, remembers the answers and tells what changed; why is kept with each change and put into words when it is read.",
    "GrowthBook is shown as flags, the documented use, and with its conditions alone, which is the fastest way to use it.",
  ],
  subjects: () => [...both({ pack: sums, event, truth, at: (n) => START + n * 1_000 }), ...ruleEngines({ rules, names, facts, truth })],
};
