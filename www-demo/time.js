/** The clock panel: days and weeks to skip, and where in its window the device is. */

import { at, h, svg } from "./dom.js";
import { DAY } from "./clock.js";
import { longDate, shortDate } from "./words.js";

/** Builds the clock panel. */
export function time(app) {
  const plan = app.pack.plan;
  const today = h("strong", { id: "today" });
  const skipped = h("span", { class: "quiet" });
  const rail = h("div", { class: "window" });
  at("clock").append(
    h("p", { class: "now" }, today, skipped),
    h("div", { class: "buttons" },
      h("button", { type: "button", class: "plain", id: "skip-day", onclick: () => app.skip(1) }, "Skip a day"),
      h("button", { type: "button", class: "plain", id: "skip-week", onclick: () => app.skip(7) }, "Skip a week")),
    rail,
    h("p", { class: "quiet" }, "Time alone changes segments. And a new device waits for the next window before its first report, so that clearing a browser never buys a second answer."),
  );

  return {
    /** Shows the date and the window. */
    render() {
      const now = app.clock.now();
      today.textContent = longDate(now);
      skipped.textContent = app.clock.skipped === 0 ? "the real date" : `${app.clock.skipped} days skipped`;
      if (plan) rail.replaceChildren(...windowRail(plan, now));
    },
  };
}

/** Finds the window of a plan that `now` lies in: its number, its first instant, and its length. */
export function windowAt(plan, now) {
  const length = plan.epoch_days * plan.window_epochs * DAY;
  const start = Date.parse(`${plan.starts}T00:00:00Z`);
  const number = Math.floor((now - start) / length);
  return { number, begin: start + number * length, length };
}

/** Draws the window as its epochs, with today in it. */
function windowRail(plan, now) {
  const { begin, length } = windowAt(plan, now);
  const here = ((now - begin) / length) * 100;
  const cuts = Array.from({ length: plan.window_epochs - 1 }, (_, index) => ((index + 1) / plan.window_epochs) * 100);
  return [
    svg("svg", { viewBox: "0 0 100 22", preserveAspectRatio: "none", "aria-hidden": "true" },
      svg("rect", { class: "rail", x: 0, y: 7, width: 100, height: 8, rx: 1 }),
      svg("rect", { class: "gone", x: 0, y: 7, width: here, height: 8, rx: 1 }),
      cuts.map((x) => svg("line", { class: "cut", x1: x, x2: x, y1: 7, y2: 15, "vector-effect": "non-scaling-stroke" })),
      svg("rect", { class: "here", x: Math.max(0, here - 0.6), y: 3, width: 1.2, height: 16, rx: 0.6 })),
    h("p", { class: "quiet" }, `This window, ${shortDate(begin)} to ${shortDate(begin + length - DAY)}: one report at most.`),
  ];
}
