/** Draws an explanation: every condition with its value, what it needs, and whether it is met. */

import { h } from "./dom.js";
import { amount } from "./words.js";

const must = { "<": "under", "<=": "at most", ">": "over", ">=": "at least", "=": "exactly" };
/** "Not under 7" is easier to read as "7 or more". */
const mustNot = { "<": ["", " or more"], "<=": ["over ", ""], ">": ["at most ", ""], ">=": ["under ", ""], "=": ["anything but ", ""] };

/** Builds the list of conditions of an explanation. */
export const ruleList = ({ condition }) => h("ul", { class: "rule" }, part(condition));

function part(condition) {
  const { kind } = condition;
  if (kind === "all") return group("All of these are needed", condition.holds, condition.parts);
  if (kind === "any") return group("One of these is enough", condition.holds, condition.parts);
  if (kind === "not") return refused(condition);
  return leaf(condition, condition.holds, kind === "segment" ? "to be in this segment" : `${must[condition.op]} ${amount(condition.threshold)}`);
}

/** A condition that must not hold reads as the opposite one that must. */
function refused({ holds, part: inner }) {
  if (inner.kind === "not") return part(inner.part);
  if (inner.kind === "all" || inner.kind === "any") {
    const words = inner.kind === "any" ? "None of these may hold" : "These may not all hold";
    return group(words, holds, inner.parts);
  }
  if (inner.kind === "segment") return leaf(inner, holds, "not to be in this segment");
  const [before, after] = mustNot[inner.op];
  // Something that never happened fails every comparison, so the opposite holds.
  const never = inner.value === undefined || inner.value === null ? ", or none" : "";
  return leaf(inner, holds, `${before}${amount(inner.threshold)}${after}${never}`);
}

const group = (words, holds, parts) =>
  h("li", {},
    h("span", { class: "group" }, `${words}: ${holds ? "met" : "not met"}`),
    h("ul", { class: "rule" }, parts.map(part)));

function leaf({ kind, title, value, holds }, met, needs) {
  return h("li", { class: met ? "test met" : "test" },
    h("span", { class: "sign", "aria-hidden": "true" }, met ? "✓" : "✕"),
    h("span", {}, kind === "segment" ? `“${title}”` : title),
    h("span", { class: "value" }, kind === "segment" ? (holds ? "in" : "not in") : number(value)),
    h("span", { class: "needs" }, `${met ? "Met" : "Not met"}, needs ${needs}`));
}

const number = (value) => (value === undefined || value === null ? "none yet" : amount(value));
