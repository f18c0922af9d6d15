import { Timer } from "./host/timer.js";
import { LOOK_AGAIN_MS, type Report } from "./kit.js";
import type { Settings } from "./options.js";
import type { Sender, Source } from "./sender.js";
import type { FlushResult } from "./types.js";

/** What is asked of the engine's holder beside what the sender needs. */
export interface Holder extends Source {
  readonly settings: Settings;
  /** Loads the part that reports are made with; nothing when it cannot be loaded now. */
  report(): Promise<Report | undefined>;
  /** Runs what no one waits for. */
  guard(work: () => Promise<unknown>): Promise<void>;
}

/** What leaves: loads what sends when something waits to leave, and holds, stops and goes on with it. */
export class Outgoing {
  #sender: Sender | undefined;
  #held = false;
  /** Tries again to load it. */
  readonly #again = new Timer(() => this.soon());

  constructor(private readonly holder: Holder) {}

  /** Stops and continues. */
  hold(held: boolean): void {
    this.#held = held;
    this.#sender?.hold(held);
    if (!held) this.soon();
  }

  /** Takes back what is on its way, as far as that is possible. */
  abort(): void {
    this.#sender?.abort();
  }

  /** Sends no more. */
  close(): void {
    this.#again.clear();
    this.#sender?.close();
  }

  /** Sends what waits now. */
  async flush(): Promise<FlushResult> {
    const { holder } = this;
    const nothing: FlushResult = { sent: 0, queued: holder.pending() ? 1 : 0 };
    if (this.#held) return { ...nothing, skipped: "paused" };
    if (!holder.settings.collector) return { ...nothing, skipped: "no_collector" };
    if (!this.#sender && !holder.next()) return nothing;
    return (await this.#open())?.flush() ?? { ...nothing, skipped: "not_loaded" };
  }

  /** Sends what waits at a random moment soon. */
  soon(): void {
    const { holder } = this;
    void holder.guard(async () => {
      if (!holder.settings.collector || this.#held) return;
      if (this.#sender || holder.next()) (await this.#open())?.soon();
    });
  }

  async #open(): Promise<Sender | undefined> {
    const { holder } = this;
    const report = this.#sender ? undefined : await holder.report();
    if (report) this.#sender ??= new report.Sender(holder.settings, holder, this.#held);
    else if (!this.#sender) this.#again.set(LOOK_AGAIN_MS);
    return this.#sender;
  }
}
