// W1: an event raises 10 of 100 counters; 20 thresholds look at sums of five counters each.
import { both } from "../keepset.mjs";
import { list, pack, START } from "../packs.mjs";
import { uniform } from "../peers/uniform.mjs";
import { dice, endless } from "../random.mjs";

const NAMES = 10;
const signals = list(100, (n) => `e${n % NAMES}`);
const aggregates = list(20, (n) => list(5, (k) => (n * 5 + k * 7) % 100));
const thresholds = list(20, (n) => 20 + 40 * n);

const draw = dice(11);
const event = endless(() => ({ name: `e${draw(NAMES)}`, properties: {} }));

/** The aggregates over their threshold after the n-th event, counted from the list of events. */
function truth(n) {
  const counts = new Map();
  for (let k = 0; k <= n; k += 1) counts.set(event(k).name, (counts.get(event(k).name) ?? 0) + 1);
  const total = (inputs) => inputs.reduce((sum, input) => sum + (counts.get(signals[input]) ?? 0), 0);
  return aggregates.flatMap((inputs, k) => (total(inputs) >= thresholds[k] ? [`a${k}`] : []));
}

const counters = pack({
  events: list(NAMES, (n) => [`e${n}`, {}]),
  features: signals.map((name, n) => [`s${n}`, { kind: "count", event: name, window_days: 28, title: "t" }]),
  models: aggregates.map((inputs, n) => [`m${n}`, { kind: "linear", title: "t", intercept: 0, weights: Object.fromEntries(inputs.map((input) => [`s${input}`, 1])) }]),
  segments: thresholds.map((threshold, n) => [`a${n}`, { model: `m${n}`, op: ">=", value: threshold }]),
});

export default {
  id: "W1",
  title: "100 counters, 20 sums of them with a threshold",
  rounds: 5,
  ready: event,
  warm: 200,
  samples: 600,
  notes: [
    "@uniformdev/context counts event names without a window or a time, adds up, and rewrites the whole visitor (in a page, into `localStorage`) at every event.",
    "Keepset counts in windows of 28 days that end by themselves, and tells which segments were entered and left.",
  ],
  subjects: () => [
    ...both({ pack: counters, event, truth, at: (n) => START + n * 1_000 }),
    uniform({ signals, aggregates, thresholds, event, truth }),
  ],
};
