// Follows the signals of a page: finds them, keeps what each says, and joins it into decisions.
import type { Purpose } from "../dto.js";
import { safely } from "../emitter.js";
import type { Keepset } from "../types.js";
import { Driver } from "./driver.js";
import { gcm } from "./gcm.js";
import { gpc } from "./gpc.js";
import { gpp } from "./gpp.js";
import type { ConsentDecisions, ConsentSignal, ConsentSource, FollowConsentOptions, FollowedConsent } from "./index.js";
import { type Codes, codesOf, concerns } from "./mapping.js";
import { type Verdict, each, strictest } from "./rule.js";
import type { Again, Says, Source } from "./source.js";
import { tcf } from "./tcf.js";

const SOURCES: { readonly [S in ConsentSignal]: Source } = { tcf, gpp, gpc, gcm };
/** A signal that is not there is looked for after so long, then after half as much again, until the gap is a minute. */
const FIRST_LOOK_MS = 50;
const LAST_LOOK_MS = 60_000;

/** Follows until stopped. On a server nothing is ever decided. */
export function follow(client: Keepset, options: FollowConsentOptions): FollowedConsent {
  const following = new Following(client);
  try {
    if (typeof document === "object" && !options.signal?.aborted) following.start(options);
  } catch (error) {
    // What is no client and no options gets nothing granted.
    console.error("keepset/consent:", error);
  }
  return {
    get decisions() {
      return following.decisions;
    },
    stop: () => following.stop(),
  };
}

class Following {
  decisions: ConsentDecisions = each(() => ({ choice: "pending", by: [] }));
  readonly #over = new AbortController();
  readonly #driver: Driver;
  readonly #said = new Map<string, { readonly [P in Purpose]: Verdict }>();
  readonly #missing = new Set<string>();
  /** Those with an entry of their own, by name. */
  readonly #own = new Map<string, ConsentSource>();
  /** What asks those again that are there. */
  readonly #found: Again[] = [];
  #codes: Codes = codesOf(undefined);
  #vendor: number | undefined;
  #managers: FollowConsentOptions["managers"];
  #onDecision: FollowConsentOptions["onDecision"];
  #looking = false;
  #told: string | undefined;

  constructor(client: Keepset) {
    this.#driver = new Driver(client, this.#over, this);
  }

  start({ signals, sources = [], mapping, vendor, managers, onDecision, signal }: FollowConsentOptions): void {
    signal?.addEventListener("abort", () => this.stop(), { signal: this.#over.signal });
    this.#codes = codesOf(mapping);
    this.#vendor = vendor;
    this.#managers = managers;
    this.#onDecision = onDecision;
    for (const source of sources) this.#own.set(source.name, source);
    for (const name of [...(signals ?? Object.keys(SOURCES)), ...this.#own.keys()]) {
      this.#missing.add(name);
      // What is named is announced, and waited for.
      this.#said.set(name, this.#verdicts(name, signals || this.#own.has(name) ? "pending" : undefined));
    }
    this.#look();
    this.#driver.start();
    this.#lookOn();
  }

  stop(): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    this.#driver.release();
  }

  /** Looks for the signals that are not there yet; all that are found at one moment count at one moment. */
  #look(): void {
    this.#looking = true;
    for (const signal of this.#missing) {
      const tell = (says: Says): void => this.#hear(signal, says);
      try {
        const own = this.#own.get(signal);
        const over = this.#over.signal;
        const again = own ? own.listen(tell, over) : SOURCES[signal as ConsentSignal]?.({ codes: this.#codes, vendor: this.#vendor, managers: this.#managers, over, tell });
        if (!again) continue;
        this.#missing.delete(signal);
        this.#found.push(again);
      } catch {
        // Looked for again: what is broken now may be whole later.
        tell("denied");
      }
    }
    this.#looking = false;
  }

  /** Looks again at the page's milestones and, ever more seldom, between and after them. */
  #lookOn(): void {
    const { signal } = this.#over;
    const look = (): void => {
      if (signal.aborted || this.#missing.size === 0) return;
      this.#look();
      this.#driver.drive();
    };
    for (const milestone of ["DOMContentLoaded", "load"]) addEventListener(milestone, look, { signal });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const wait = (gap: number): void => {
      if (this.#missing.size > 0 && gap < LAST_LOOK_MS && !signal.aborted) timer = setTimeout(() => (look(), wait(gap * 1.5)), gap);
    };
    signal.addEventListener("abort", () => clearTimeout(timer));
    wait(FIRST_LOOK_MS);
  }

  #hear(signal: string, says: Says): void {
    if (this.#over.signal.aborted) return;
    this.#said.set(signal, this.#verdicts(signal, says));
    if (!this.#looking) this.#driver.drive();
  }

  #verdicts(signal: string, says: Says): { [P in Purpose]: Verdict } {
    const concerned = (gate: Purpose): boolean => this.#own.get(signal)?.gates.includes(gate) ?? concerns(this.#codes, signal as ConsentSignal, gate);
    const all = (verdict: Verdict) => each((gate) => (concerned(gate) ? verdict : undefined));
    try {
      return typeof says === "function" ? each((gate) => (concerned(gate) ? says(gate) : undefined)) : all(says);
    } catch {
      return all("denied");
    }
  }

  /** Asks every signal anew, and says whether all of them answered. What they say is in force then: the client looks at that itself. */
  async confirm(): Promise<boolean> {
    if (this.#over.signal.aborted) return true;
    this.#look();
    const answered = await Promise.all(this.#found.map((again) => again()));
    this.#driver.drive();
    return !answered.includes(false);
  }

  decide(): ConsentDecisions {
    const heard = [...this.#said, ["page", this.#driver.page] as const];
    this.decisions = each((gate) => {
      const verdict = strictest(heard.map(([, said]) => said[gate]));
      const by = verdict ? heard.filter(([, said]) => said[gate] === verdict).map(([name]) => name) : [];
      return { choice: verdict ?? "pending", by };
    });
    this.#notify();
    return this.decisions;
  }

  #notify(): void {
    const now = JSON.stringify(this.decisions);
    if (now === this.#told) return;
    this.#told = now;
    // After the page's own code had its turn: what it hears may use what `followConsent` returned.
    queueMicrotask(() => {
      if (!this.#over.signal.aborted && now === this.#told) safely(() => this.#onDecision?.(this.decisions));
    });
  }
}
