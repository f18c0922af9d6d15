import type { Core, Glue, Rules } from "./core.js";
import type { ConsentChange, Membership, Outcome, Scalar, SegmentChange, Withheld } from "./dto.js";
import { drawn } from "./host/entropy.js";
import { PURPOSES } from "./input.js";

// Events and changes cross the border as plain numbers; `src/numbers.rs` is the other side.

/** No pack accepts a number beyond this. */
const MOST = 1e9;
/** What stands for a value that is no number. */
const FALSE = 2e9;
const TRUE = 3e9;
const TEXT = 4e9;

/** By their numbers. */
const CHOICES = [undefined, "granted", "denied", "pending"] as const;
const OUTCOMES: readonly Outcome[] = ["accepted", "refused", "failed"];
const CAUSES = ["event", "time", "consent", "erased", "expired", "ttl", "group", "start"] as const;
/** A change is so many numbers, the last of which says how many of its evidence follow. */
const HEAD = 6;

const NO_VALUES = new Float64Array(0);

/** An event as the pack declares it, and the place for the values of one. */
interface Declared {
  readonly spec: number;
  readonly properties: readonly string[];
  readonly values: Float64Array;
}

/** Where the change behind the one at `from` begins. */
const after = (numbers: Float64Array, from: number): number => from + HEAD + (numbers[from + HEAD - 1] as number);

/** What the engine gave; what it refuses comes as an answer. */
function accepted<T>(answer: T | Error): T {
  if (answer instanceof Error) throw answer;
  return answer;
}

/** One profile's engine, as the page knows things. */
export interface Profile extends Core {
  /** The segments the device is in, in the pack's order; one it stays in is the same object. */
  segments(): readonly Membership[];
  /** Takes in an event; a value that is neither a number, a text nor a flag is left out. As below, what changed comes as numbers. */
  track(name: string, given: Readonly<Record<string, Scalar>>, at: number, id: string | undefined, now: number): Float64Array;
  tick(now: number): Float64Array;
  setZone(zone: Float64Array, now: number): Float64Array;
  setConsent(change: ConsentChange, signal: number, now: number): Float64Array;
  /** Takes in what was decided on what was due, and says whether it is queued, or why there is nothing. */
  settle(decided: Uint8Array): "queued" | Withheld;
  /** Takes in what became of an upload. */
  sent(number: number, outcome: Outcome): void;
  erase(now: number): Float64Array;
  /** What was told, step by step. Mostly no one reads it, and an object with a reason costs more than an event. */
  changes(told: readonly Float64Array[]): SegmentChange[];
}

/** Starts the engine of a compiled pack on what is stored. */
export type Profiles = new (pack: Uint8Array, stored: Uint8Array | undefined, zone: Float64Array, now: number) => Profile;

/** The profiles of one module: a page has two when its packs need different ones. */
export function profilesOf({ Core }: Glue): Profiles {
  return class extends Core {
    readonly #rules: Rules = this.rules();
    readonly #events = new Map<string, Declared>();
    readonly #segments: readonly string[];
    /** By cause: the names of what may have done it. */
    readonly #by: Readonly<Record<number, readonly string[]>>;
    /** By segment: since when the device is in, as far as the changes told say; not a number where it is not. */
    readonly #since: Float64Array = this.standings();
    /** By segment: the membership that was last shown. */
    readonly #shown: Membership[] = [];

    constructor(pack: Uint8Array, stored: Uint8Array | undefined, zone: Float64Array, now: number) {
      super(pack, stored, zone, now, drawn());
      const [events, segments] = this.#rules.names();
      this.#segments = segments;
      this.#by = { 0: events.map(([name]) => name), 6: segments };
      events.forEach(([name, ...properties], spec) => this.#events.set(name, { spec, properties, values: new Float64Array(properties.length) }));
    }

    segments(): readonly Membership[] {
      const members: Membership[] = [];
      this.#since.forEach((since, n) => {
        if (since !== since) return;
        if (this.#shown[n]?.since !== since) this.#shown[n] = Object.freeze({ id: this.#segments[n] as string, since });
        members.push(this.#shown[n] as Membership);
      });
      return Object.freeze(members);
    }

    track(name: string, given: Readonly<Record<string, Scalar>>, at: number, id: string | undefined, now: number): Float64Array {
      const { spec, properties, values } = this.#events.get(name) ?? { spec: this.#events.size, properties: [], values: NO_VALUES };
      const texts: string[] = [];
      let others = Object.keys(given).length;
      for (let n = 0; n < properties.length; n += 1) {
        const value = given[properties[n] as string];
        const number =
          typeof value === "number" ? (Math.abs(value) <= MOST ? value : Infinity)
          : typeof value === "boolean" ? (value ? TRUE : FALSE)
          : typeof value === "string" ? TEXT + texts.push(value) - 1
          : NaN;
        if (number === number) others -= 1;
        values[n] = number;
      }
      if (id !== undefined) texts.push(id);
      return this.#note(accepted(this.take(spec, values, texts, others, at, id !== undefined, now)));
    }

    tick(now: number): Float64Array {
      return this.#note(this.pass(now));
    }

    setZone(zone: Float64Array, now: number): Float64Array {
      return this.#note(accepted(this.travel(zone, now)));
    }

    setConsent(change: ConsentChange, signal: number, now: number): Float64Array {
      const [segmentation, storage, reporting, sharing] = PURPOSES.map((purpose) => CHOICES.indexOf(change[purpose])) as [number, number, number, number];
      return this.#note(this.choose(segmentation, storage, reporting, sharing, signal, now));
    }

    settle(decided: Uint8Array): "queued" | Withheld {
      return accepted(this.decided(decided));
    }

    sent(number: number, outcome: Outcome): void {
      this.uploaded(number, OUTCOMES.indexOf(outcome));
    }

    erase(now: number): Float64Array {
      return this.#note(this.forget(now));
    }

    changes(told: readonly Float64Array[]): SegmentChange[] {
      const changes: SegmentChange[] = [];
      for (const numbers of told) {
        for (let from = 0; from < numbers.length; from = after(numbers, from)) changes.push(this.#change(numbers, from));
      }
      return changes;
    }

    /** Notes who is in from now on. */
    #note(numbers: Float64Array = NO_VALUES): Float64Array {
      for (let from = 0; from < numbers.length; from = after(numbers, from)) {
        this.#since[numbers[from] as number] = numbers[from + 1] ? (numbers[from + 2] as number) : NaN;
      }
      return numbers;
    }

    /** A change that puts its reason into words when that is read or copied. */
    #change(numbers: Float64Array, from: number): SegmentChange {
      const number = (n: number): number => numbers[from + n] as number;
      const rules = this.#rules;
      return {
        segment: this.#segments[number(0)] as string,
        kind: number(1) ? "entered" : "left",
        at: number(2),
        cause: CAUSES[number(3)] as SegmentChange["cause"],
        by: this.#by[number(3)]?.[number(4)] as string,
        get because() {
          return rules.because(numbers.subarray(from, after(numbers, from)));
        },
      };
    }
  };
}
