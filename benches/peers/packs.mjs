// The packs of the workloads, made in code: nothing in them but what the workload names.

/** A day in milliseconds. */
export const DAY = 86_400_000;
/** Where the clocks of the workloads begin. */
export const START = Date.parse("2026-01-01T08:00:00Z");

const segment = (id, enter) => ({ id, title: id, reason: "because of the benchmark", enter });
const at_least = (feature, value) => ({ feature, op: ">=", value });

/** An event of this name with number properties. */
const declared = (properties = {}) => ({ title: "t", properties });

/** Makes a pack out of its parts. */
export function pack({ events, features, models, segments }) {
  return {
    id: "bench",
    version: 1,
    title: "Benchmark",
    owner: "The benchmark",
    reason: "To measure.",
    expires: "2031-01-01",
    events: Object.fromEntries(events.map(([name, properties]) => [name, declared(properties)])),
    features: Object.fromEntries(features),
    ...(models ? { models: Object.fromEntries(models) } : {}),
    segments: segments.map(([id, enter]) => segment(id, enter)),
  };
}

const list = (length, make) => Array.from({ length }, (_, n) => make(n));
const value = { value: { type: "number", min: 0, max: 1000 } };

/** Every kind of feature in turn. */
const KINDS = [
  (event) => ({ kind: "count", event, window_days: 28, title: "t" }),
  (event) => ({ kind: "sum", event, property: "value", window_days: 28, title: "t" }),
  (event) => ({ kind: "recency", event, title: "t" }),
  (event) => ({ kind: "decayed_count", event, half_life_days: 14, title: "t" }),
  (event) => ({ kind: "distinct_days", event, window_days: 28, title: "t" }),
];
/** A rule of each kind that is true for some while and false for some. */
const RULES = [
  (feature) => at_least(feature, 40),
  (feature) => at_least(feature, 20_000),
  (feature) => ({ feature, op: "<", value: 1 }),
  (feature) => at_least(feature, 30),
  (feature) => at_least(feature, 2),
];

/** `count` features and as many segments, one on each; an event of one name concerns `count / names` of them. */
export function spread(count, names) {
  const per = count / names;
  return pack({
    events: list(names, (n) => [`e${n}`, value]),
    features: list(count, (n) => [`f${n}`, KINDS[n % KINDS.length](`e${Math.floor(n / per)}`)]),
    segments: list(count, (n) => [`s${n}`, RULES[n % RULES.length](`f${n}`)]),
  });
}

export { at_least, list };
