// W4: a page view with a vector of 32 numbers, after 300 of them, and 100 linear models.
import { both } from "../keepset.mjs";
import { list, pack, START } from "../packs.mjs";
import { allViewsAgain, runningSums } from "../peers/edgekit.mjs";
import { dice, endless } from "../random.mjs";

const WIDTH = 32;
const PAST = 300;
const draw = dice(41);
// Whole numbers, so that every order of adding up gives the same bits.
const views = endless(() => list(WIDTH, () => draw(10)));
const models = list(100, (n) => {
  const weights = list(WIDTH, () => draw(19) - 9);
  const expected = 4.5 * weights.reduce((sum, weight) => sum + weight, 0);
  return { id: `m${n}`, weights, bias: -expected, limit: Math.round(expected * PAST + (draw(200) - 100) * 20) };
});

const asEvent = (x, at) => ({ name: "view", properties: Object.fromEntries(x.map((value, k) => [`x${k}`, value])), at });
const at = (n) => START + (PAST + n) * 1_000;
const before = list(PAST, (n) => asEvent(views(n), START + n * 1_000));
const event = endless((n) => asEvent(views(PAST + n)));

/** The models over their limit on the sums of all views, added up from the list of views. */
function truth(n) {
  const sums = list(WIDTH, (k) => list(PAST + n + 1, (view) => views(view)[k]).reduce((sum, value) => sum + value, 0));
  return models.flatMap(({ id, weights, limit }) => (weights.reduce((sum, weight, k) => sum + weight * sums[k], 0) >= limit ? [id] : []));
}

const vectors = pack({
  events: [["view", Object.fromEntries(list(WIDTH, (k) => [`x${k}`, { type: "number", min: 0, max: 9 }]))]],
  features: list(WIDTH, (k) => [`x${k}`, { kind: "sum", event: "view", property: `x${k}`, window_days: 28, title: "t" }]),
  models: models.map(({ id, weights }) => [id, { kind: "linear", title: "t", intercept: 0, weights: Object.fromEntries(weights.map((weight, k) => [`x${k}`, weight])) }]),
  segments: models.map(({ id, limit }) => [id, { model: id, op: ">=", value: limit }]),
});

export default {
  id: "W4",
  title: "a page view of 32 numbers, 100 linear models, after 300 views",
  rounds: 5,
  ready: event,
  warm: 20,
  samples: 200,
  notes: [
    "AirGrid EdgeKit is archived and not on npm. The stand-in is its way of working in plain JavaScript: a logistic score of every stored view for every audience, counted; it stores nothing, which the library does at every view.",
    "Keepset is asked something else, which is why it need not go back: each model scores the sums of the views in 28 days.",
  ],
  subjects: () => [
    ...both({ pack: vectors, event, truth, before, at }),
    allViewsAgain({ models, views, before: PAST, occurrences: PAST / 2, threshold: 0.5 }),
    runningSums({ models, views, before: PAST, truth }),
  ],
};
