import type { Budget, LedgerEntry, Withheld } from "../dto.js";
import type { LedgerTexts, ShownPlan } from "./index.js";
import { button, type Child, fill, h } from "./kit.js";

/** Everything the element shows at one moment. */
export interface Shown {
  readonly entries: readonly LedgerEntry[];
  readonly budget: Budget | null;
  readonly state: "queued" | Withheld;
  /** Something may leave. */
  readonly allowed: boolean;
  readonly plan: ShownPlan | null;
  readonly texts: LedgerTexts;
  readonly lang: string | undefined;
}

/** What is shown, from top to bottom. */
export function view(shown: Shown, withdraw: () => unknown, save: () => unknown): Node[] {
  const { entries, budget, state, allowed, texts, lang } = shown;
  const number = new Intl.NumberFormat(lang, { maximumFractionDigits: 2 });
  const dates = new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "short" });
  const left = entries.filter(({ outcome }) => outcome === "accepted");
  const waiting = entries.find(({ outcome }) => outcome === "waiting");
  const reports = left.filter(({ kind }) => kind === "report");
  const shared = left.filter(({ kind }) => kind !== "report");
  const bytes = (some: readonly LedgerEntry[]): string => number.format(some.reduce((sum, { size }) => sum + size, 0));
  const title = h("slot", { name: "title" }, h("h2", {}, texts.title));
  const lines = entries.map((entry) => line(entry, shown, number, dates)).reverse();
  return [
    title,
    h("p", { part: "total" }, fill(texts.total, { reports: number.format(reports.length), bytes: bytes(reports) })),
    ...(shared.length > 0 ? [h("p", { part: "shared" }, fill(texts.shared, { times: number.format(shared.length), bytes: bytes(shared) }))] : []),
    ...(budget ? epsilon(budget, texts, number) : []),
    h("h3", {}, texts.waits),
    h("p", { part: "waits" }, waiting ? fill(texts.ready, { date: dates.format(waiting.until) }) : `${texts.nothingWaits} ${texts.withheld[state as Withheld] ?? ""}`),
    h("h3", {}, texts.left),
    lines.length > 0 ? h("ol", { part: "lines" }, ...lines) : h("p", {}, texts.nothingLeft),
    h("h3", {}, texts.stop),
    h("p", {}, allowed ? texts.stopSays : texts.withdrawn),
    ...(allowed ? [button("withdraw", texts.withdraw, withdraw)] : []),
    h("h3", {}, texts.take),
    h("p", {}, texts.exportSays),
    button("export", texts.export, save),
  ];
}

/** The three numbers, together. */
function epsilon({ perReport, spentInWindow, spent, limit }: Budget, texts: LedgerTexts, number: Intl.NumberFormat): Node[] {
  const of = (part: number, whole: number): string => fill(texts.spent, { spent: number.format(part), limit: number.format(whole) });
  const rows = [
    [texts.perReport, number.format(perReport)],
    [texts.perWindow, of(spentInWindow, perReport)],
    [texts.perYear, of(spent, limit)],
  ] as const;
  return [
    h("dl", { class: "epsilon", part: "epsilon" }, ...rows.map(([name, value]) => h("div", {}, h("dt", {}, `ε ${name}`), h("dd", {}, value)))),
    h("p", {}, fill(texts.meaning, { times: number.format(Math.exp(perReport)) })),
  ];
}

/** One line of the ledger. */
function line(entry: LedgerEntry, { plan, texts }: Shown, number: Intl.NumberFormat, dates: Intl.DateTimeFormat): Node {
  const shared = entry.kind === "report" ? undefined : texts[entry.kind];
  const owner = plan?.owner ?? texts.ownerUnknown;
  const why = shared ?? plan?.questions?.find(({ id }) => id === entry.question)?.reason ?? plan?.reason ?? texts.whyUnknown;
  const { choice, since } = entry.consent[entry.purpose];
  const bytes = entry.sealed.length > 0 ? h("code", { part: "bytes" }, Array.from(entry.sealed, (byte) => byte.toString(16).padStart(2, "0")).join(" ")) : texts.bytesGone;
  const fields: readonly (readonly [string, Child])[] = [
    [texts.why, why],
    [texts.who, shared ? owner : fill(texts.whoSays, { owner })],
    [texts.cost, `ε\u00a0${number.format(entry.epsilon)}`],
    [texts.consent, `${entry.purpose}: ${choice}, ${fill(texts.since, { date: dates.format(since) })}`],
    [texts.mechanism, entry.mechanism],
    [`${texts.bytes} (${number.format(entry.size)})`, bytes],
    ["SHA-256", h("code", {}, entry.sha256)],
    [`${texts.receipt} ${entry.number}`, h("code", {}, entry.hash)],
  ];
  const list = h("dl", { class: "fields" }, ...fields.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
  const details = h("details", { part: `line ${entry.outcome}` }, h("summary", { "data-key": entry.hash }, h("b", {}, dates.format(entry.at)), ` ${texts.outcome[entry.outcome]}, ε\u00a0${number.format(entry.epsilon)}`), list);
  return h("li", {}, details);
}
