/** Draws an explanation: every condition with its value, what it needs, and whether it is met. */

import { h } from "./dom.js";
import { amount, dateAndTime, longDate } from "./words.js";

const must = { "<": "under", "<=": "at most", ">": "over", ">=": "at least", "=": "exactly", "!=": "anything but" };
/** "Not under 7" is easier to read as "7 or more". */
const mustNot = { "<": ["", " or more"], "<=": ["over ", ""], ">": ["at most ", ""], ">=": ["under ", ""], "=": ["anything but ", ""], "!=": ["exactly ", ""] };

/** What a comparison asks for, in words. */
function asked({ op, thresholds }) {
  if (op === "between") return `from ${thresholds.join(" to ")}`;
  if (op === "in") return `one of ${thresholds.join(", ")}`;
  return `${must[op]} ${thresholds[0]}`;
}

/** What must not be so, said as what must. */
function askedNot({ op, thresholds }) {
  if (op === "between") return `under ${thresholds[0]} or over ${thresholds[1]}`;
  if (op === "in") return `none of ${thresholds.join(", ")}`;
  const [before, after] = mustNot[op];
  return `${before}${thresholds[0]}${after}`;
}

const causes = {
  event: (change, pack) => `after “${pack.events[change.by]?.title ?? change.by}”`,
  time: () => "because time went by",
  consent: () => "because of your choice",
  erased: () => "because everything was forgotten",
  expired: () => "because the pack has ended",
  ttl: () => "because it lasted as long as it may",
  group: (change, pack) => `because “${pack.segments.find(({ id }) => id === change.by)?.title ?? change.by}” comes first`,
  start: () => "when the engine started",
};

/** Says what made the last change: when, after what, and which conditions decided. */
export function lastChange(change, pack) {
  const what = change.kind === "entered" ? "You came in" : "You left";
  const because = change.because ? `: ${change.because}` : "";
  return `${what} on ${dateAndTime(change.at)}, ${causes[change.cause](change, pack)}${because}.`;
}

/** Says what would turn the answer soonest. */
export function nearestChange({ member, nearest }) {
  if (!nearest) return "Nothing within reach: neither a year of waiting nor twelve more events.";
  const turn = member ? "you would be out" : "you would be in";
  if (nearest.kind === "time") return `If you do nothing, ${turn} on ${longDate(nearest.at)}.`;
  const worth = nearest.amount === undefined ? "" : ` of ${amount(nearest.amount)}`;
  const before = nearest.before === undefined ? "" : ` before ${dateAndTime(nearest.before)}`;
  const more = nearest.times === 1 ? "once more" : `${nearest.times} more times`;
  return `“${nearest.title}”${worth} ${more}${before}, and ${turn}.`;
}

/** Builds the list of conditions of an explanation. */
export const ruleList = ({ condition }) => h("ul", { class: "rule" }, part(condition));

function part(condition) {
  const { kind } = condition;
  if (kind === "all") return group("All of these are needed", condition.holds, condition.parts);
  if (kind === "any") return group("One of these is enough", condition.holds, condition.parts);
  if (kind === "at_least") return group(`At least ${condition.needed} of these are needed`, condition.holds, condition.parts);
  if (kind === "not") return refused(condition);
  return leaf(condition, condition.holds, needs(condition));
}

function needs(condition) {
  if (condition.kind === "segment") return "to be in this segment";
  return condition.kind === "experiment" ? `to be in ${condition.arms.join(" or ")}` : asked(condition);
}

/** A condition that must not hold reads as the opposite one that must. */
function refused({ holds, part: inner }) {
  if (inner.kind === "not") return part(inner.part);
  if (inner.parts) {
    const words = { any: "None of these may hold", all: "These may not all hold", at_least: `Fewer than ${inner.needed} of these may hold` };
    return group(words[inner.kind], holds, inner.parts);
  }
  if (inner.kind === "segment") return leaf(inner, holds, "not to be in this segment");
  if (inner.kind === "experiment") return leaf(inner, holds, `not to be in ${inner.arms.join(" or ")}`);
  // Something that never happened fails every comparison, so the opposite holds.
  const never = inner.value === undefined || inner.value === null ? ", or none" : "";
  return leaf(inner, holds, `${askedNot(inner)}${never}`);
}

const group = (words, holds, parts) =>
  h("li", {},
    h("span", { class: "group" }, `${words}: ${holds ? "met" : "not met"}`),
    h("ul", { class: "rule" }, parts.map(part)));

function leaf(condition, met, needs) {
  const { kind, title } = condition;
  return h("li", { class: met ? "test met" : "test" },
    h("span", { class: "sign", "aria-hidden": "true" }, met ? "✓" : "✕"),
    h("span", {}, kind === "segment" ? `“${title}”` : title),
    h("span", { class: "value" }, shown(condition)),
    h("span", { class: "needs" }, `${met ? "Met" : "Not met"}, needs ${needs}`));
}

function shown({ kind, holds, arm, label, value }) {
  if (kind === "segment") return holds ? "in" : "not in";
  if (kind === "experiment") return arm ?? "in none";
  return label ?? (value === undefined || value === null ? "none yet" : amount(value));
}
