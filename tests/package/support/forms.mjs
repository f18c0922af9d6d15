// Every form a pack may take: what both the schema and the engine must accept, and what both must refuse.

/** A pack in which every form finds what it names. */
export const ground = Object.freeze({
  id: "forms",
  version: 1,
  title: "Forms",
  owner: "The shop",
  reason: "To test.",
  expires: "2031-01-01",
  retention_days: 400,
  state_limit_kib: 32,
  events: {
    visit: { title: "a visit", channel: "web" },
    mail: { channel: "email", properties: { opened: { type: "flag" } } },
    purchase: {
      channel: "store",
      properties: {
        value: { type: "money", currency: "GBP", min: -5000, max: 5000 },
        items: { type: "number", unit: "pieces", min: 0, max: 500 },
        gift: { type: "flag" },
        aisle: { type: "category", values: ["fresh", "grocery"] },
        review: { type: "text", words: { great: 1, refund: -2, schön: 0.5, shop24: 1 } },
        sku: { type: "id" },
      },
    },
  },
  features: {
    orders: { kind: "count", event: "purchase", window_days: 28 },
    entry: { kind: "last", event: ["visit", "mail"], by: "channel" },
    tried: { kind: "count", event: "visit", window_days: 28 },
  },
  models: {
    habit: { kind: "linear", intercept: -1, weights: { orders: 0.5 }, missing: 0 },
    next: { kind: "linear", intercept: -3, weights: { orders: 0.5 }, waiting: [[7, 0], [28, -0.5]] },
  },
  experiments: { spring: { title: "Spring", salt: "2026-spring", arms: { control: 10, offer: 90 } } },
  segments: [
    { id: "first", title: "First", reason: "because", enter: { feature: "orders", op: ">=", value: 1 } },
    { id: "tried", title: "Tried", reason: "because", enter: { feature: "tried", op: ">=", value: 1 } },
  ],
});

const order = (more) => ({ event: "purchase", ...more });
const steps = [{ event: "visit" }, { event: "purchase", where: { property: "gift", is: true } }];

/** By kind of feature: definitions that are right, and definitions that are wrong. */
export const features = {
  count: [
    [order({}), order({ window_hours: 6, exact: true, signed_by: "value", since: "visit" }), { event: { visit: 1, mail: -0.5 }, window_minutes: 90 }],
    [order({ window_days: 0 }), order({ window_days: 731 }), order({ window_days: 1.5 }), order({ window_days: 1, window_hours: 24 }), order({ exact: true }), order({ property: "value" }), { event: [] }, { event: {} }, { event: { visit: 1001 } }, { event: ["Visit"] }, {}],
  ],
  sum: [
    [order({ property: "value", window_days: 28, since: "visit" }), order({ property: "review" }), { event: { purchase: 2 }, property: "items", window_days: 1, exact: true }],
    [order({}), order({ property: "value", exact: "yes" }), order({ property: "value", window_weeks: 4 }), order({ property: 7 })],
  ],
  mean: [
    [order({ property: "value" }), order({ property: "value", window_days: 84, exact: true })],
    [order({ window_days: 84 }), { event: { purchase: 2 }, property: "value" }, order({ property: "value", by: "aisle" })],
  ],
  min: [
    [order({ property: "items" }), order({ property: "items", window_hours: 17520 })],
    [order({}), order({ property: "items", window_hours: 17521 })],
  ],
  max: [
    [order({ property: "items" }), order({ property: "review", window_minutes: 1051200 })],
    [order({ property: "items", window_minutes: 1051201 }), order({ property: "items", rank: 1 })],
  ],
  first: [
    [order({ by: "aisle" }), order({ property: "value", window_days: 7, exact: true }), { event: ["visit", "mail"], by: "channel" }],
    [order({}), order({ by: "aisle", property: "value" }), order({ by: "aisle", exact: true })],
  ],
  last: [
    [order({ by: "channel" }), order({ property: "items" })],
    [order({ since: "visit", by: "aisle" }), { event: { purchase: 1 }, by: "aisle" }],
  ],
  distinct: [
    [order({ by: "sku" }), order({ by: "aisle", window_days: 30 }), { event: ["visit", "mail"], by: "channel", window_hours: 1 }],
    [order({}), order({ by: "sku", exact: true, window_days: 1 }), { event: { purchase: 1 }, by: "sku" }],
  ],
  distinct_days: [
    [order({ window_days: 28 }), { event: ["visit", "mail"], window_days: 7 }],
    [order({}), order({ window_hours: 48 })],
  ],
  recency: [
    [order({}), order({ unit: "minutes" })],
    [order({ unit: "weeks" }), order({ window_days: 7 }), { event: { purchase: 1 } }],
  ],
  tenure: [
    [order({}), { event: ["visit", "purchase"], unit: "hours" }],
    [order({ unit: "day" }), order({ half_life_days: 7 })],
  ],
  decayed_count: [
    [order({ half_life_days: 28 }), { event: { visit: 3, mail: 1 }, half_life_hours: 1 }],
    [order({}), order({ half_life_days: 1, half_life_minutes: 1 }), order({ half_life_days: 1, property: "value" })],
  ],
  decayed_sum: [
    [order({ property: "value", half_life_days: 28 }), { event: { purchase: 0.5 }, property: "review", half_life_minutes: 30 }],
    [order({ property: "value" }), order({ half_life_days: 28 })],
  ],
  affinity: [
    [order({ by: "aisle", half_life_days: 28, measure: "share", of: "fresh" }), order({ by: "aisle", half_life_days: 28, measure: "top", rank: 5, property: "value" }), { event: { visit: 1, mail: 2 }, by: "channel", half_life_hours: 12, measure: "top_share" }],
    [order({ by: "aisle", half_life_days: 28, measure: "share" }), order({ by: "aisle", half_life_days: 28, measure: "top", rank: 6 }), order({ half_life_days: 28, measure: "top" }), order({ by: "aisle", measure: "top" }), order({ by: "aisle", half_life_days: 28, measure: "bottom" }), order({ by: "aisle", half_life_days: 28 })],
  ],
  interval: [
    [order({ measure: "mean" }), { event: ["visit", "mail"], measure: "deviation" }],
    [order({}), order({ measure: "variance" }), order({ measure: "mean", window_days: 1 })],
  ],
  session: [
    [order({ measure: "count", window_days: 28 }), { event: ["visit", "mail"], measure: "entry", by: "channel", gap_minutes: 10 }, ...["depth", "duration", "bounces", "current_depth", "current_duration"].map((measure) => ({ event: "visit", measure }))],
    [order({}), order({ measure: "entry" }), order({ measure: "depth", gap_minutes: 0 }), order({ measure: "depth", gap_minutes: 5, gap_hours: 1 }), order({ measure: "pages" })],
  ],
  sequence: [
    [{ steps, within_hours: 24, measure: "count", window_days: 28 }, { steps, within_days: 1, measure: "depth", without: { event: ["mail"], where: [{ property: "opened", is: true }] } }],
    [{ steps: steps.slice(1), within_hours: 24, measure: "count" }, { steps, measure: "count" }, { steps, within_hours: 24 }, { steps: ["visit", "purchase"], within_hours: 24, measure: "count" }, { steps: [{ event: { visit: 2 } }, steps[1]], within_hours: 24, measure: "count" }, order({ steps, within_hours: 24, measure: "count" }), { steps: Array(9).fill(steps[0]), within_hours: 24, measure: "count" }],
  ],
  streak: [
    [order({ measure: "current" }), { event: ["visit", "mail"], measure: "longest", unit: "week" }],
    [order({}), order({ measure: "current", unit: "month" }), order({ measure: "shortest" })],
  ],
  unusual: [
    [order({ half_life_days: 28 }), order({ property: "value", half_life_days: 7, least_days: 2, floor: 20.5 }), { event: { visit: 1, mail: -2 }, half_life_days: 730, least_days: 64 }],
    [order({}), order({ half_life_hours: 24 }), order({ half_life_days: 7, least_days: 1 }), order({ half_life_days: 7, least_days: 65 }), order({ half_life_days: 7, floor: 0 }), order({ half_life_days: 7, window_days: 28 })],
  ],
  formula: [
    [{ value: 1 }, { value: "orders" }, { value: { divide: [{ multiply: ["orders", 4] }, { or: ["entry", 1] }] } }, { value: { cut: [{ subtract: [0, "orders"] }, [-9, -3, 0]] } }, { value: { add: [{ min: ["orders", 3] }, { max: ["orders", 1, 2] }] } }],
    [{}, { value: { add: [] } }, { value: { divide: ["orders"] } }, { value: { divide: [1, 2, 3] } }, { value: { cut: ["orders", []] } }, { value: { cut: ["orders", 3] } }, { value: { power: ["orders", 2] } }, { value: 1, event: "purchase" }, { value: 1, where: [] }, { value: { add: ["orders"], multiply: [2] } }, { value: true }],
  ],
};

/** Filters of a count of purchases. */
export const filters = [
  [
    { property: "gift", is: true },
    { property: "aisle", in: ["fresh", "grocery"] },
    { property: "items", min: 3 },
    { property: "value", min: -10, max: 10.5 },
    { hours: [22, 6] },
    { weekdays: ["sat", "sun"] },
    [{ hours: [18, 24] }, { property: "gift", is: false }],
    [],
  ],
  [
    {},
    { property: "gift" },
    { property: "aisle", is: "fresh", in: ["fresh"] },
    { property: "items", min: 2e9 },
    { property: "gift", is: true, min: 1 },
    { hours: [18] },
    { hours: [18, 25] },
    { hours: [9, 9] },
    { hours: [18, 24], property: "gift" },
    { weekdays: ["sat"], hours: [18, 24] },
    { weekdays: ["saturday"] },
    ["gift"],
  ],
];

/** Rules a segment is entered by. */
export const rules = [
  [
    ...["<", "<=", ">", ">=", "=", "!="].map((op) => ({ feature: "orders", op, value: 2 })),
    { feature: "orders", between: [1, 3] },
    { feature: "orders", in: [1, 2, 3] },
    { feature: "entry", in: ["web", "email"] },
    { feature: "entry", op: "!=", value: "email" },
    { model: "habit", op: ">", value: 0 },
    { model: "habit", between: [-1.5, 0] },
    { model: "next", within_days: 14, op: ">=", value: 0.3 },
    { model: "next", within_days: 28, between: [0.1, 0.5] },
    { segment: "tried" },
    { experiment: "spring", in: ["offer"] },
    { all: [{ any: [{ not: { segment: "tried" } }] }] },
    { at_least: 1, of: [{ segment: "tried" }, { experiment: "spring", in: ["control"] }] },
  ],
  [
    {},
    { feature: "orders" },
    { feature: "orders", op: "<>", value: 2 },
    { feature: "orders", op: ">=" },
    { feature: "orders", value: 2 },
    { feature: "orders", op: ">=", value: 1, between: [1, 2] },
    { feature: "orders", op: ">=", value: [1] },
    { feature: "orders", between: [1] },
    { feature: "orders", between: [1, 2, 3] },
    { feature: "orders", in: [] },
    { model: "habit", op: ">=", value: "web" },
    { model: "next", within_days: 14, op: "=", value: 0.3 },
    { model: "next", within_days: 0, op: ">=", value: 0.3 },
    { model: "next", within_days: 14, op: ">=", value: 1 },
    { model: "next", within_days: 14, between: [0, 0.5] },
    { model: "next", within_days: 14, in: [0.3] },
    { feature: "orders", within_days: 14, op: ">=", value: 1 },
    { segment: "tried", op: "=", value: 1 },
    { experiment: "spring" },
    { experiment: "spring", op: "=", value: "offer" },
    { any: [] },
    { not: [{ segment: "tried" }] },
    { at_least: 0, of: [{ segment: "tried" }] },
    { at_least: 1 },
    { at_least: 1, of: [] },
    { all: [{ segment: "tried" }], of: [{ segment: "tried" }] },
  ],
];

/** A plan that asks for one segment. */
const plan = { id: "sizes", owner: "The shop", reason: "because", starts: "2026-01-01", expires: "2031-01-01", epsilon: 2, questions: [{ id: "sizes", reason: "because", segments: ["first"], cap: 1 }] };

/** Changes of a pack as a whole, each a name and what it does; the first list leaves it right, the second does not. */
export const packs = [
  [
    (pack) => Object.assign(pack.segments[0], { stay: { segment: "tried" }, minimum_stay_hours: 12, cool_down_days: 7, ttl_days: 30, group: "offers" }),
    (pack) => pack.segments.forEach((segment) => (segment.group = "offers")),
    (pack) => Object.assign(pack, { retention_days: 3650, state_limit_kib: 1024 }),
    (pack) => (pack.experiments = {}),
    (pack) => Object.keys(pack).filter((key) => ["experiments", "models", "features"].includes(key)).forEach((key) => (delete pack[key], (pack.segments = []))),
    (pack) => (pack.choices = { banner: { title: "Banner", default: "plain", contexts: [{ segment: "first", variants: { plain: {}, gift: { title: "Gift", successes: 3, failures: 30 } } }, { variants: { plain: {} } }], outcome: "purchase", within_days: 7, exploration: 10, holdout: 0.1 } }),
    (pack) => (pack.choices = { text: { default: "short", contexts: [{ variants: { short: {}, long: {} } }], outcome: "visit", within_minutes: 30, exploration: 0 } }),
    (pack) => (pack.events.call = { channel: "call", properties: { said: { type: "text", words: {} } } }),
    ...[{}, { counts_days: 730 }, { counts_days: 36500, answers_days: 1 }].map((retention) => (pack) => (pack.plan = { ...plan, retention })),
  ],
  [
    ...[{ within_hours: 1 }, { holdout: 2 }, { exploration: 1.5 }, { contexts: [] }, { outcome: 7 }, { contexts: [{ variants: {} }] }, { contexts: [{ variants: { plain: { successes: -1 } } }] }, { colour: "red" }].map(
      (wrong) => (pack) => (pack.choices = { banner: { default: "plain", contexts: [{ variants: { plain: {} } }], outcome: "purchase", within_days: 7, exploration: 10, ...wrong } }),
    ),
    (pack) => (pack.segments[0].ttl_days = 731),
    (pack) => Object.assign(pack.segments[0], { ttl_days: 1, ttl_hours: 1 }),
    (pack) => Object.assign(pack.segments[0], { cool_down_days: 1, cool_down_minutes: 1 }),
    (pack) => (pack.segments[0].minimum_stay_weeks = 1),
    (pack) => (pack.segments[0].group = "Offers"),
    (pack) => (pack.retention_days = 0),
    (pack) => (pack.retention_days = 3651),
    (pack) => (pack.state_limit_kib = 4),
    (pack) => (pack.state_limit_kib = 2048),
    (pack) => (pack.events.visit.channel = "tv"),
    (pack) => delete pack.events.purchase.properties.value.currency,
    (pack) => (pack.events.purchase.properties.value.currency = "pounds"),
    (pack) => delete pack.events.purchase.properties.items.min,
    (pack) => (pack.events.purchase.properties.items.max = 2e9),
    (pack) => (pack.events.purchase.properties.aisle.values = []),
    (pack) => delete pack.events.purchase.properties.review.words,
    (pack) => (pack.events.purchase.properties.review.words.great = 1001),
    (pack) => (pack.events.purchase.properties.review.words["two words"] = 1),
    (pack) => (pack.events.purchase.properties.review.words.Great = 1),
    (pack) => (pack.events.purchase.properties.sku.type = "hash"),
    (pack) => (pack.events.purchase.properties.sku.words = { great: 1 }),
    (pack) => (pack.events.purchase.properties.gift.values = ["yes"]),
    (pack) => (pack.events.purchase.properties.items.currency = "GBP"),
    (pack) => (pack.events.purchase.properties.value.unit = "pounds"),
    (pack) => delete pack.experiments.spring.salt,
    (pack) => (pack.experiments.spring.arms = { all: 1 }),
    (pack) => (pack.experiments.spring.arms.control = 0),
    (pack) => (pack.experiments.spring.arms.offer = 1_000_001),
    (pack) => (pack.experiments.spring.seed = 1),
    ...[{ counts_days: 0 }, { answers_days: 36501 }, { counts_days: 1.5 }, { labels_days: 60 }, 730].map((retention) => (pack) => (pack.plan = { ...plan, retention })),
    (pack) => (pack.models.next.waiting = []),
    (pack) => (pack.models.habit.kind = "forest"),
    (pack) => delete pack.models.habit.intercept,
  ],
];
