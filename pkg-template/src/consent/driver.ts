// Tells a client what was decided: refusals at once, grants when all agree, and while an answer is awaited it rests.
import type { Choice, GrantedBy, Purpose } from "../dto.js";
import { PURPOSES } from "../input.js";
import type { Consent, Keepset } from "../types.js";
import type { ConsentDecisions } from "./index.js";

/** Who decides, and is asked again before anything leaves. */
interface Decider {
  decide(): ConsentDecisions;
  confirm(): Promise<boolean>;
}

type Choices = { [P in Purpose]?: Exclude<Choice, "pending"> };

export class Driver {
  /** What the page itself chose: one signal among the others. */
  readonly page: Choices = {};
  /** What the client was last told. */
  readonly #handed: Choices = {};
  #set: Consent["set"] | undefined;
  /** How many choices the client has not confirmed yet. */
  #flying = 0;
  /** Something happened while a choice was on its way. */
  #again = false;
  /** It was we who paused the client. */
  #held = false;

  constructor(
    readonly client: Keepset,
    readonly over: AbortController,
    readonly decider: Decider,
  ) {}

  start(): void {
    this.#takePage();
    this.drive();
    const again = (): void => void this.drive();
    const offs = [this.client.subscribe(again), this.client.consent.onChange(again)];
    this.over.signal.addEventListener("abort", () => offs.forEach((off) => off()));
  }

  /** Brings the client to what is decided; `own` is what the page refused just now and wants to see confirmed. */
  drive(own: Choices = {}): Promise<void> {
    const { client } = this;
    if (client.status === "destroyed") this.over.abort();
    if (this.over.signal.aborted) return Promise.resolve();
    const decisions = this.decider.decide();
    const change: Choices = {};
    for (const gate of PURPOSES) {
      const { choice } = decisions[gate];
      const state = client.consent.get()[gate];
      const before = this.#handed[gate];
      delete this.#handed[gate];
      if (choice === "pending") continue;
      this.#handed[gate] = choice;
      const due =
        choice === "granted"
          ? // Once for each time it is decided: what another tab or `deleteAll` took away is not given again.
            before !== "granted" && state !== "granted"
          : own[gate] === "denied" || (state !== "denied" && !this.#awaits(before));
      if (due) change[gate] = choice;
    }
    const waits = PURPOSES.some((gate) => decisions[gate].choice === "pending" && decisions[gate].by.length > 0 && this.#stands(gate));
    if (waits) this.#hold();
    const done = this.#hand(change, decisions.sharing.by[0]);
    if (!waits) this.release();
    return done;
  }

  /** Lets a client go on that we paused. */
  release(): void {
    if (!this.#held) return;
    this.#held = false;
    this.client.resume();
  }

  /** A grant from an earlier visit would go on, or may be about to: nothing is taken in or sent on it until it is renewed. */
  #stands(gate: Purpose): boolean {
    return this.client.status === "starting" || this.client.consent.get()[gate] === "granted";
  }

  #hold(): void {
    // A page that paused the client itself shall find it so.
    if (this.client.status === "paused") return;
    this.#held = true;
    this.client.pause();
  }

  #awaits(before: Choice | undefined): boolean {
    const awaits = this.#flying > 0 && before === "denied";
    this.#again ||= awaits;
    return awaits;
  }

  async #hand(change: Choices, signal: string | undefined): Promise<void> {
    if (Object.keys(change).length === 0 || !this.#set) return;
    this.#flying += 1;
    try {
      // Of several that agree, the first.
      await this.#set.call(this.client.consent, change, signal as GrantedBy);
    } finally {
      this.#flying -= 1;
      if (this.#flying === 0 && this.#again) {
        this.#again = false;
        void this.drive();
      }
    }
  }

  /** From here on what the page sets is heard as a signal, and goes no further than the others allow; and before anything leaves all are asked. */
  #takePage(): void {
    const consent = this.client.consent as { set: Consent["set"]; confirm: Consent["confirm"] | undefined };
    const { confirm, set: real } = consent;
    this.#set = real;
    consent.confirm = async (purpose) => (!confirm || (await confirm(purpose))) && this.decider.confirm();
    const { signal } = this.over;
    const set: Consent["set"] = (choice) => {
      const known = signal.aborted ? undefined : read(choice);
      // What is no choice is refused by the client, in its own words.
      if (!known) return real.call(consent, choice);
      for (const gate of PURPOSES) if (known[gate]) delete this.#handed[gate];
      Object.assign(this.page, known);
      return this.drive(known);
    };
    consent.set = set;
    signal.addEventListener("abort", () => {
      if (consent.set === set) consent.set = real;
    });
  }
}

/** The choices of a page, copied; nothing when they are none. */
function read(given: unknown): Choices | undefined {
  try {
    const entries = Object.entries(given as Choices).filter(([, choice]) => choice !== undefined);
    const known = entries.every(([gate, choice]) => PURPOSES.includes(gate as Purpose) && (choice === "granted" || choice === "denied"));
    return known ? Object.fromEntries(entries) : undefined;
  } catch {
    return undefined;
  }
}
