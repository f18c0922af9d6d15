import type { Outcome, Report } from "./dto.js";
import { Timer } from "./host/timer.js";
import { through } from "./host/relay.js";
import { fetchTransport, routeOf } from "./host/transport.js";
import { mayLeave } from "./leaving.js";
import type { Notice } from "./ops.js";
import type { Settings } from "./options.js";
import { read } from "./host/clock.js";
import type { FlushResult } from "./types.js";

/** A report leaves at a random moment within this time, so that its arrival does not tell what the visitor just did. */
const SPREAD_MS = 8_000;
const FIRST_RETRY_MS = 30_000;
const LAST_RETRY_MS = 3_600_000;

/** What the sender needs of the engine's holder. */
export interface Source {
  /** What may leave at this moment, described. */
  next(): Report | undefined;
  /** What waits, described. */
  pending(): Report | undefined;
  /** Compiled: it names the keys of the gateway behind a relay. */
  readonly pack: Uint8Array;
  /** Notes the outcome and makes it durable. */
  done(number: number, outcome: Outcome): Promise<void>;
  /** Tells every tab. */
  tell(notice: Notice): void;
  /** It is time to send; whoever holds the sender answers for what goes wrong. */
  ring(): void;
}

// `build.mjs` puts this beside the glue of the report part: it is loaded when something waits to leave.

/** Hands reports and labels to the network one at a time, a little later than they are made, and again after a failure. */
export class Sender {
  readonly #timer = new Timer(() => this.source.ring());
  #sending: Promise<FlushResult> | undefined;
  #abort = new AbortController();
  #failures = 0;
  #closed = false;

  constructor(
    private readonly settings: Settings,
    private readonly source: Source,
    private held: boolean,
  ) {}

  /** Sends what waits at a random moment soon. */
  soon(): void {
    const next = this.#idle && !this.#timer.isSet && this.source.next();
    // What was shared is taken back at once.
    if (next) this.#timer.set(next.kind === "erasure" ? 0 : Math.random() * SPREAD_MS);
  }

  /** Sends what waits now; joins a sending under way. */
  flush(): Promise<FlushResult> {
    if (this.held) return Promise.resolve({ sent: 0, queued: this.#queued, skipped: "paused" });
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
    return this.#sending;
  }

  /** Takes back what is on its way, as far as that is possible. */
  abort(): void {
    this.#timer.clear();
    this.#abort.abort();
    this.#abort = new AbortController();
  }

  /** Stops and continues. */
  hold(held: boolean): void {
    this.held = held;
    if (held) this.abort();
    else this.soon();
  }

  /** Ends for good. */
  close(): void {
    this.#closed = true;
    this.abort();
  }

  async #sendAll(): Promise<FlushResult> {
    this.#timer.clear();
    for (let sent = 0; ; sent += 1) {
      const report = await this.#confirmed();
      if (!report) return { sent, queued: this.#queued, ...(report === false ? { skipped: "no_consent" } : {}) };
      const { outcome, skipped } = await this.#handOver(report);
      if (this.#closed) return { sent, queued: 0, skipped: "not_running" };
      await this.source.done(report.number, outcome);
      const known = outcome === "failed" ? report : { ...report, outcome };
      this.source.tell({ is: "report", report: known, outcome, at: read(this.settings.clock) });
      if (outcome !== "accepted") return { sent, queued: this.#queued, skipped: skipped ?? "refused" };
    }
  }

  /** What may leave, asked for every report: consent is a matter of this moment. False while it is not confirmed; then it is asked again later. */
  async #confirmed(): Promise<Report | false | undefined> {
    const report = this.#next;
    // Nobody may stop someone from taking back what they shared.
    const confirmed = !report || report.kind === "erasure" || (await mayLeave(report, this.settings.confirm));
    if (!confirmed) return this.#later();
    // What may leave may have become another meanwhile, or nothing.
    const now = this.#next;
    return now?.number === report?.number ? now : this.#confirmed();
  }

  async #handOver(report: Report): Promise<{ outcome: Outcome; skipped?: "dropped" | "offline" }> {
    const { collector } = this.settings;
    if (!collector || !this.#mayLeave(report)) return { outcome: "refused", skipped: "dropped" };
    const { signal } = this.#abort;
    try {
      const { url, headers, relay, tokens, transport = relay ? through(relay, this.source.pack, read(this.settings.clock)) : fetchTransport } = collector;
      const { kind, sealed: body } = report;
      const request = { url: url(routeOf(kind)), kind, body, headers: { ...headers }, signal };
      const answer = await (tokens && kind === "report" ? tokens.pay(request, transport) : transport(request));
      if (answer.outcome === "failed") return this.#failed(answer.retryAfterMs);
      this.#failures = 0;
      if (answer.outcome === "refused") this.#complain("collector_rejected", `The collector refused a report${answer.status ? ` (${answer.status})` : ""}; it is not sent again.`);
      return { outcome: answer.outcome };
    } catch (cause) {
      return signal.aborted ? { outcome: "failed", skipped: "offline" } : this.#failed(0, cause);
    }
  }

  /** A veto that fails is a veto. */
  #mayLeave(report: Report): boolean {
    const { beforeSend } = this.settings;
    if (!beforeSend || report.kind === "erasure") return true;
    try {
      // A copy: what leaves was fixed when it was drawn.
      return beforeSend({ ...report, body: report.body.slice(), sealed: report.sealed.slice() }) != null;
    } catch (cause) {
      this.#complain("invalid_options", "beforeSend threw, so the report was dropped.", cause);
      return false;
    }
  }

  #failed(retryAfterMs = 0, cause?: unknown): { outcome: Outcome; skipped: "offline" } {
    this.#later(retryAfterMs);
    this.#complain("network", "The collector could not be reached; the same bytes are sent again later.", cause);
    return { outcome: "failed", skipped: "offline" };
  }

  /** Tries again after a while, each time a longer one. */
  #later(atLeast = 0): false {
    const wait = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, LAST_RETRY_MS) * (0.5 + Math.random());
    this.#failures = Math.min(this.#failures + 1, 16);
    if (!this.#closed) this.#timer.set(Math.max(wait, atLeast));
    return false;
  }

  #complain(code: "network" | "collector_rejected" | "invalid_options", message: string, cause?: unknown): void {
    this.source.tell({ is: "error", code, message, cause });
  }

  get #idle(): boolean {
    return !this.#closed && !this.held && !this.#sending;
  }

  get #next(): Report | undefined {
    return this.#closed || this.held ? undefined : this.source.next();
  }

  get #queued(): number {
    return !this.#closed && this.source.pending() ? 1 : 0;
  }
}
