/** The picture of the way from a click to a number, filled with what really happened last. */

import { at, h, svg } from "./dom.js";
import { amount, count } from "./words.js";

/** Builds the five steps and the line between what stays and what leaves. */
export function path(app) {
  const live = Object.fromEntries(["event", "feature", "segment", "report", "estimate"].map((step) => [step, h("p", { class: "live" })]));
  const step = (key, name, words, out) =>
    h("li", { class: out && "out" }, h("b", {}, name), live[key], h("small", {}, words));
  const arrow = svg("svg", { viewBox: "0 0 34 34", fill: "none", stroke: "currentColor", "stroke-width": 3, "stroke-linecap": "round", "stroke-linejoin": "round", role: "img", "aria-label": "From here on, what leaves this device" },
    svg("path", { d: "M4 17h25M20 8l9 9-9 9" }));
  at("steps").append(
    step("event", "1. Event", "Read once, counted, dropped. No list of events is kept."),
    step("feature", "2. Feature", `${count(Object.keys(app.pack.features).length, "number")}, whatever you do, each with a limit on how far it looks back.`),
    step("segment", "3. Segment", "A rule over the numbers. You can open every rule above."),
    h("li", { class: "gate" }, arrow),
    step("report", "4. Noisy report", "Chance decides part of the answer before it leaves.", true),
    step("estimate", "5. Estimate", "The collector adds up many answers, and the chance averages out.", true),
  );
  let lastEvent;

  /** A number the newest segment rests on that has a value. */
  async function lastFeature(newest) {
    if (!app.granted("segmentation")) return "No number yet";
    const rule = app.pack.segments.find(({ id }) => id === newest?.id) ?? app.pack.segments[0];
    const named = features(rule.enter);
    const shown = (await app.client.features()).find(({ id, value }) => named.includes(id) && value !== undefined);
    return shown ? `${shown.title}: ${shown.label ?? amount(shown.value)}` : "No number yet";
  }

  return {
    /** Remembers the last event for the picture; only its name. */
    saw(event) {
      lastEvent = app.pack.events[event].title;
    },
    /** Shows the last of everything. */
    render() {
      const { segments } = app.client.getSnapshot();
      const newest = [...segments].sort((a, b) => b.since - a.since)[0];
      const title = (id) => app.pack.segments.find((segment) => segment.id === id)?.title ?? id;
      const left = app.left;
      live.event.textContent = lastEvent ? `“${lastEvent}”` : "Nothing yet";
      lastFeature(newest).then((words) => (live.feature.textContent = words));
      live.segment.textContent = newest ? `“${title(newest.id)}”${segments.length > 1 ? ` and ${count(segments.length - 1, "other")}` : ""}` : `In none of ${app.pack.segments.length}`;
      live.report.textContent = left.reports === 0 ? "None has left yet" : `${count(left.bytes, "byte")} in ${count(left.reports, "report")}`;
      live.estimate.textContent = "With an interval, or not at all";
    },
  };
}

/** Every feature a rule names, however deep. */
const features = (rule) => (typeof rule !== "object" || rule === null ? [] : [rule.feature, ...Object.values(rule).flatMap(features)].filter(Boolean));
