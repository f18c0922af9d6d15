import type { Holder } from "../engine.js";
import { read } from "../host/clock.js";
import type { Notice, Op, Signed, Steps, View } from "../ops.js";
import type { Settings } from "../options.js";
import type { Consent, DeviceData, FlushResult, Stats } from "../types.js";
import type { LedgerEntry } from "../dto.js";
import type { Budgets } from "./index.js";

const DAY_MS = 86_400_000;
/** The window of a budget of bytes: that of the default plan. */
const SENT_DAYS = 28;
/** So long a report waits for a browser that saves data, if it may be sent until a day later. */
const PATIENCE_DAYS = 7;
const MINUTE_MS = 60_000;
/** What waits is done in pieces of so many milliseconds, when the page is idle, and after a while in any case. */
const SLICE_MS = 4;
const IDLE_MS = 2_000;

interface Waiting {
  readonly call: Signed;
  readonly resolve: (value: unknown) => void;
}

/** Why what is due is held back. */
type Why = "over_budget" | "saves_data";

/** Stands before an engine's holder: times what it does, counts, and holds it to budgets. */
export class Watched implements Holder {
  #inner!: Holder;
  #backend!: Stats["backend"];
  #spent = 0;
  /** The minute of the page's life that is on, and what was spent in it. */
  #minute = 0;
  #inMinute = 0;
  /** Time within which others did what they were told. */
  #others = 0;
  #deferred = 0;
  #leaving = false;
  #why: Why | undefined;
  readonly #waiting: Waiting[] = [];
  readonly #refused: Record<string, number> = {};

  constructor(
    private readonly budgets: Budgets,
    private readonly settings: Settings,
    private readonly told: (notice: Notice) => void,
  ) {}

  /** Goes before a holder. */
  over(inner: Holder, backend: Stats["backend"]): this {
    this.#inner = inner;
    this.#backend = backend;
    return this;
  }

  /** Counts what is refused; what listeners do with what they are told is the page's own time. */
  readonly tell = (notice: Notice): void => {
    if (notice.is === "error") this.#refused[notice.code] = (this.#refused[notice.code] ?? 0) + 1;
    const start = performance.now();
    this.told(notice);
    this.#others += performance.now() - start;
  };

  /** The last question before something leaves, with what the budgets say. */
  readonly confirm: Consent["confirm"] = async (purpose) => {
    if ((await this.settings.confirm?.(purpose)) !== true) return false;
    const ledger = await this.#ledger();
    const now = read(this.settings.clock);
    const next = ledger.find((entry) => entry.outcome === "waiting" && entry.purpose === purpose);
    const before = this.#why;
    this.#why =
      next && sentBytes(ledger, now) + next.size > (this.budgets.sent ?? Infinity) ? "over_budget"
      : next && this.budgets.saveData !== false && savesData() && now < Math.min(next.at + PATIENCE_DAYS * DAY_MS, next.until - DAY_MS) ? "saves_data"
      : undefined;
    if (this.#why === "over_budget" && before !== this.#why) this.tell({ is: "error", code: "over_budget", message: `${this.budgets.sent} bytes may leave within ${SENT_DAYS} days: what is due waits.` });
    return this.#why === undefined;
  };

  get opening(): Steps {
    return this.#inner.opening;
  }

  view(): View {
    return this.#inner.view();
  }

  wake(): Promise<void> {
    return this.#time(() => this.#inner.wake());
  }

  hold(held: boolean): void {
    this.#inner.hold(held);
  }

  /** Takes events in, or lets them wait where this minute's time is spent. */
  track(call: Signed): Promise<unknown> {
    const late = !this.#leaving && (this.#waiting.length > 0 || this.#inThisMinute() >= (this.budgets.cpu ?? Infinity));
    if (!late) return this.#time(() => this.#inner.track(call));
    if (call.op.do === "track") this.#deferred += call.op.events.length;
    return new Promise((resolve) => {
      if (this.#waiting.push({ call, resolve }) === 1) this.#whenIdle();
    });
  }

  async do(call: Signed): Promise<unknown> {
    this.#catchUp();
    if (call.op.do === "stats") return this.#stats();
    const answer = await this.#time(() => this.#inner.do(call));
    const held = call.op.do === "flush" && (answer as FlushResult).skipped === "no_consent" && this.#why;
    return held ? { ...(answer as FlushResult), skipped: held } : answer;
  }

  leave(rest: () => void): void {
    this.#inner.leave(() => {
      this.#leaving = true;
      this.#catchUp();
      rest();
      this.#leaving = false;
    });
  }

  settle(): Promise<void> {
    this.#catchUp();
    return this.#inner.settle();
  }

  /** What waits is left to the next holder, as what else has no answer. */
  close(): void {
    this.#waiting.length = 0;
    this.#inner.close();
  }

  #time<T>(work: () => T): T {
    const [start, others] = [performance.now(), this.#others];
    try {
      return work();
    } finally {
      const took = performance.now() - start - (this.#others - others);
      this.#inThisMinute();
      this.#spent += took;
      this.#inMinute += took;
    }
  }

  #inThisMinute(): number {
    const minute = Math.floor(performance.now() / MINUTE_MS);
    if (minute !== this.#minute) [this.#minute, this.#inMinute] = [minute, 0];
    return this.#inMinute;
  }

  /** Does what waits, for so many milliseconds. */
  #catchUp(most = Infinity): void {
    const end = performance.now() + most;
    for (let next = this.#waiting.shift(); next; next = performance.now() < end ? this.#waiting.shift() : undefined) {
      const { call, resolve } = next;
      resolve(this.#time(() => this.#inner.track(call)));
    }
  }

  #whenIdle(): void {
    const work = (): void => {
      this.#catchUp(SLICE_MS);
      if (this.#waiting.length > 0) this.#whenIdle();
    };
    if (typeof requestIdleCallback === "function") requestIdleCallback(work, { timeout: IDLE_MS });
    else setTimeout(work, SLICE_MS);
  }

  #ledger(): Promise<readonly LedgerEntry[]> {
    return this.#ask({ do: "ledger" }) as Promise<readonly LedgerEntry[]>;
  }

  /** A question of its own, which changes nothing. */
  #ask(op: Op): Promise<unknown> {
    return this.#inner.do({ op, from: "", id: 0 });
  }

  async #stats(): Promise<Stats> {
    const { intake, ledger, stored } = (await this.#ask({ do: "export" })) as DeviceData;
    const last = ledger.filter(({ kind }) => kind === "report").at(-1);
    return {
      backend: this.#backend,
      events: intake?.accepted ?? 0,
      refused: { ...this.#refused, undeclared: intake?.undeclaredEvents ?? 0, duplicate: intake?.duplicates ?? 0 },
      mainThreadMs: this.#spent,
      deferred: this.#deferred,
      waiting: this.#waiting.length,
      storedBytes: stored ? atob(stored).length : 0,
      sentBytes: sentBytes(ledger, read(this.settings.clock)),
      lastReport: last ? { at: last.at, outcome: last.outcome, bytes: last.size } : null,
      held: this.#why ?? null,
    };
  }
}

/** The bytes that left within the window of the budget, every attempt counted. */
function sentBytes(ledger: readonly LedgerEntry[], now: number): number {
  const times = ({ attempts, outcome }: LedgerEntry): number => attempts + (outcome === "accepted" || outcome === "refused" ? 1 : 0);
  return ledger.reduce((sum, entry) => (entry.at > now - SENT_DAYS * DAY_MS ? sum + entry.size * times(entry) : sum), 0);
}

const savesData = (): boolean => (globalThis as { navigator?: { connection?: { saveData?: unknown } } }).navigator?.connection?.saveData === true;
