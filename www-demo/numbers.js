/** The numbers that are worked out of events, those that moved last first, and a prediction made of some of them. */

import "./pkg/element-why.js";
import { at, fill, h } from "./dom.js";
import { amount } from "./words.js";

/** How many numbers are shown. */
const SHOWN = 6;
/** The segment that rests on a model; its score is in log-odds. */
const PREDICTED = "likely_coupon";

/** How many of a hundred log-odds stand for. */
function chance(score) {
  const hundredths = 100 / (1 + Math.exp(-score));
  return hundredths < 1 ? "Fewer than 1" : String(Math.round(hundredths));
}

/** Builds both panels over `app.client.features()` and `<keepset-why>`. */
export function numbers(app) {
  let known = new Map();
  let moved = [];
  const details = at("prediction");
  // The part of the engine that explains is loaded when somebody asks.
  for (const element of document.querySelectorAll("details > keepset-why")) {
    element.parentElement.addEventListener("toggle", ({ target }) => (element.client = target.open ? app.client : null));
  }
  details.addEventListener("toggle", () => app.refresh());

  /** Notes what is another number than a moment ago. */
  function note(features) {
    const now = new Map(features.filter(({ value }) => value !== undefined).map((feature) => [feature.id, feature]));
    const changed = [...now.keys()].filter((id) => known.get(id)?.value !== now.get(id).value && (known.has(id) || now.get(id).value !== 0));
    const before = (id) => known.get(id)?.value;
    const steps = changed.map((id) => ({ id, from: before(id) }));
    moved = [...steps, ...moved.filter(({ id }) => !changed.includes(id) && now.has(id))].slice(0, SHOWN);
    known = now;
  }

  const line = ({ id, from }) => {
    const { title, value, label } = known.get(id);
    return h("li", {},
      h("span", {}, title),
      h("span", { class: "moved" }, from === undefined ? "" : `${amount(from)} → `, h("b", {}, label ?? amount(value))));
  };

  /** The model's part of a rule, however deep. */
  const model = (condition) => (condition.kind === "model" ? condition : (condition.parts ?? [condition.part]).filter(Boolean).map(model).find(Boolean));

  async function predict() {
    if (!details.open) return;
    const why = app.granted("segmentation") ? await app.client.explain(PREDICTED) : null;
    const score = why && model(why.condition)?.value;
    at("chance").textContent = score === null || score === undefined ? "No prediction: the first switch is off." : `${chance(score)} in 100 shoppers like you redeem a coupon in the next four weeks.`;
  }

  return {
    /** Asks for the numbers. */
    async read() {
      if (!app.granted("segmentation")) [known, moved] = [new Map(), []];
      else note(await app.client.features());
      await predict();
    },
    /** Shows them. */
    render() {
      const key = JSON.stringify(moved.map(({ id, from }) => [id, from, known.get(id).value]));
      fill(at("numbers"), key, () => (moved.length === 0 ? h("li", { class: "empty" }, "No number has moved yet.") : moved.map(line)));
    },
  };
}
