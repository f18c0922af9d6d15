import type { Budget, LedgerEntry, Withheld } from "../dto.js";
import type { LedgerTexts, ShownPlan } from "./index.js";
import { fill } from "./texts.js";

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

/** The parts that only the element itself fills: its buttons. */
export interface Buttons {
  readonly withdraw: Node;
  readonly save: Node;
}

type Child = Node | string;

/** Builds an element; text is only ever set as text. */
export function h(name: string, attributes: Readonly<Record<string, string>>, ...children: readonly Child[]): HTMLElement {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Gives an element a root of its own with a style. */
export function rooted(host: HTMLElement, style: string): ShadowRoot {
  const root = host.attachShadow({ mode: "open" });
  try {
    // Not a `style` element: a strict content security policy forbids those.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(style);
    root.adoptedStyleSheets = [sheet];
  } catch {
    // Older browsers show it plain.
  }
  return root;
}

/** Returns what looks again, once for all who ask before it began; what goes wrong shows nothing new. */
export function looker(show: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () =>
    (running ??= Promise.resolve()
      .then(() => {
        running = undefined;
        return show();
      })
      .catch(() => undefined));
}

/** What is shown, from top to bottom. */
export function view(shown: Shown, buttons: Buttons, open: ReadonlySet<string>): Node[] {
  const { entries, budget, state, allowed, texts, lang } = shown;
  const number = new Intl.NumberFormat(lang, { maximumFractionDigits: 2 });
  const dates = new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "short" });
  const left = entries.filter(({ outcome }) => outcome === "accepted");
  const waiting = entries.find(({ outcome }) => outcome === "waiting");
  const reports = left.filter(({ kind }) => kind === "report");
  const shared = left.filter(({ kind }) => kind !== "report");
  const bytes = (some: readonly LedgerEntry[]): string => number.format(some.reduce((sum, { size }) => sum + size, 0));
  const title = h("slot", { name: "title" }, h("h2", {}, texts.title));
  const lines = entries.map((entry) => line(entry, shown, number, dates, open)).reverse();
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
    ...(allowed ? [buttons.withdraw] : []),
    h("h3", {}, texts.take),
    h("p", {}, texts.exportSays),
    buttons.save,
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
function line(entry: LedgerEntry, { plan, texts }: Shown, number: Intl.NumberFormat, dates: Intl.DateTimeFormat, open: ReadonlySet<string>): Node {
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
  const details = h("details", { part: `line ${entry.outcome}`, "data-hash": entry.hash, ...(open.has(entry.hash) ? { open: "" } : {}) }, h("summary", {}, h("b", {}, dates.format(entry.at)), `${texts.outcome[entry.outcome]}, ε\u00a0${number.format(entry.epsilon)}`), list);
  return h("li", {}, details);
}
