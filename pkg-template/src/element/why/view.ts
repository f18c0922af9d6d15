// An explanation as people read it: what decides, part by part, and what would turn it.
import type { Condition, Explanation, Held } from "../../dto.js";
import { fill, h } from "../kit.js";
import type { Asked, WhyTexts } from "./index.js";

/** Without its bullets a list is none to some screen readers, unless it says so. */
const LIST = { role: "list" };

type Compared = Extract<Condition, { kind: "feature" | "model" }>;

/** What must not be so, as what must be. */
const OPPOSITE: { readonly [op in Compared["op"]]: Asked } = { "<": ">=", "<=": ">", ">": "<=", ">=": "<", "=": "!=", "!=": "=", between: "outside", in: "none" };

/** Whether the person is in, in one sentence. */
export function answer({ member, visitor, title, reason, since }: Explanation, texts: WhyTexts, lang: string | undefined): string {
  const date = since === undefined ? "" : dates(lang).format(since);
  const said = fill(member ? texts.in : texts.out, { sentence: visitor, title, reason, date });
  return date ? `${said} ${fill(texts.since, { date })}` : said;
}

/** Every condition, what else holds the person there, and the nearest change. */
export function reasons({ condition, held, nearest }: Explanation, texts: WhyTexts, lang: string | undefined): Node[] {
  return [
    h("ul", { part: "conditions", ...LIST }, part(condition, true, texts, new Intl.NumberFormat(lang, { maximumFractionDigits: 2 }))),
    ...(held ? [h("p", { part: "held" }, holds(held, texts, lang))] : []),
    h("p", { part: "nearest" }, turned(nearest, texts, lang)),
  ];
}

const dates = (lang: string | undefined): Intl.DateTimeFormat => new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "short" });

/** One condition and those within it. Of what must not be so the opposite is shown, as what must. */
function part(condition: Condition, wanted: boolean, texts: WhyTexts, number: Intl.NumberFormat): HTMLElement {
  if (condition.kind === "not") return part(condition.part, !wanted, texts, number);
  const met = condition.holds === wanted;
  const mark = h("span", { part: "mark", "aria-hidden": "true" }, met ? "✓" : "✗");
  const verdict = met ? texts.met : texts.notMet;
  if ("parts" in condition) {
    const inner = condition.parts.map((one) => part(one, wanted, texts, number));
    return h("li", {}, mark, ` ${group(condition, wanted, texts)} ${verdict}`, h("ul", LIST, ...inner));
  }
  const value = h("b", { part: "value" }, seen(condition, texts, number));
  const needs = fill(texts.needs, { needs: asked(condition, wanted, texts) });
  const moves = condition.kind === "model" ? (condition.reasons ?? []) : [];
  return h("li", { part: met ? "met" : "unmet" }, mark, ` ${condition.title}: `, value, ` (${needs}; ${verdict})`, ...(moves.length > 0 ? [h("ul", LIST, ...moves.map(({ sentence }) => h("li", {}, sentence)))] : []));
}

function group(condition: Extract<Condition, { parts: unknown }>, wanted: boolean, texts: WhyTexts): string {
  if (condition.kind !== "at_least") return (condition.kind === "all") === wanted ? texts.all : texts.any;
  const needed = wanted ? condition.needed : condition.parts.length - condition.needed + 1;
  return fill(texts.atLeast, { needed: String(needed) });
}

type Leaf = Exclude<Condition, { kind: "not" } | { parts: unknown }>;

function seen(condition: Leaf, texts: WhyTexts, number: Intl.NumberFormat): string {
  if (condition.kind === "segment") return condition.holds ? texts.member : texts.notMember;
  if (condition.kind === "experiment") return condition.arm ?? texts.none;
  return condition.label ?? (condition.value === undefined ? texts.none : number.format(condition.value));
}

function asked(condition: Leaf, wanted: boolean, texts: WhyTexts): string {
  if (condition.kind === "segment") return wanted ? texts.member : texts.notMember;
  const { op, thresholds } = condition.kind === "experiment" ? ({ op: "in", thresholds: condition.arms } as const) : condition;
  const [first = "", second = ""] = thresholds;
  return fill(texts.ops[wanted ? op : OPPOSITE[op]], { first, second, list: thresholds.join(", ") });
}

function holds({ by, until, segment = "" }: Held, texts: WhyTexts, lang: string | undefined): string {
  return fill(texts.held[by], { segment, date: until === undefined ? "" : dates(lang).format(until) });
}

function turned(nearest: Explanation["nearest"], texts: WhyTexts, lang: string | undefined): string {
  if (!nearest) return texts.nothing;
  const { sentence } = nearest;
  if (nearest.kind === "time") return fill(texts.time, { sentence, date: dates(lang).format(nearest.at) });
  const { title, times, amount } = nearest;
  return fill(texts.event, { sentence, title, times: String(times), amount: amount === undefined ? "" : String(amount) });
}
