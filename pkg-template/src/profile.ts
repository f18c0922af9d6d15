import { Core, type Rules } from "./core.js";
import type { ConsentChange, Membership, Scalar, SegmentChange } from "./dto.js";

// Events and changes cross the border as plain numbers; `src/numbers.rs` is the other side.

/** No pack accepts a number beyond this. */
const MOST = 1e9;
/** What stands for a value that is no number. */
const FALSE = 2e9;
const TRUE = 3e9;
const TEXT = 4e9;

/** By their numbers. */
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

/** A membership that began at an instant; none where that is not a number. */
const memberSince = (id: string, since: number): Membership | undefined => (since === since ? Object.freeze({ id, since }) : undefined);

/** One profile's engine, as the page knows things. */
export class Profile extends Core {
  readonly #rules: Rules = this.rules();
  readonly #events = new Map<string, Declared>();
  readonly #segments: readonly string[];
  /** By cause: the names of what may have done it. */
  readonly #by: Readonly<Record<number, readonly string[]>>;
  /** By segment: where the device is in, as far as the changes told say. */
  readonly #in: (Membership | undefined)[];

  constructor(...parts: ConstructorParameters<typeof Core>) {
    super(...parts);
    const [events, segments] = this.#rules.names();
    this.#segments = segments;
    this.#by = { 0: events.map(([name]) => name), 6: segments };
    events.forEach(([name, ...properties], spec) => this.#events.set(name, { spec, properties, values: new Float64Array(properties.length) }));
    const standings = this.standings();
    this.#in = segments.map((id, n) => memberSince(id, standings[n] as number));
  }

  /** The segments the device is in, in the pack's order; one it stays in is the same object. */
  segments(): readonly Membership[] {
    return Object.freeze(this.#in.filter((membership) => membership !== undefined));
  }

  /** Takes in an event; a value that is neither a number, a text nor a flag is left out. */
  track(name: string, given: Readonly<Record<string, Scalar>>, at: number, id: string | undefined, now: number): SegmentChange[] {
    const { spec, properties, values } = this.#events.get(name) ?? { spec: this.#events.size, properties: [], values: NO_VALUES };
    const texts: string[] = [];
    let others = Object.keys(given).length;
    properties.forEach((property, n) => {
      const value = given[property];
      const number =
        typeof value === "number" ? (Math.abs(value) <= MOST ? value : Infinity)
        : typeof value === "boolean" ? (value ? TRUE : FALSE)
        : typeof value === "string" ? TEXT + texts.push(value) - 1
        : NaN;
      if (number === number) others -= 1;
      values[n] = number;
    });
    return this.#read(this.take(spec, values, texts, others, at, id, now));
  }

  tick(now: number): SegmentChange[] {
    return this.#read(this.pass(now));
  }

  setZone(zone: Float64Array, now: number): SegmentChange[] {
    return this.#read(this.travel(zone, now));
  }

  setConsent(change: ConsentChange, now: number): SegmentChange[] {
    return this.#read(this.choose(change, now));
  }

  erase(now: number): SegmentChange[] {
    return this.#read(this.forget(now));
  }

  #read(numbers: Float64Array = NO_VALUES): SegmentChange[] {
    const changes: SegmentChange[] = [];
    for (let from = 0; from < numbers.length; from = after(numbers, from)) changes.push(this.#change(numbers, from));
    return changes;
  }

  /** A change that puts its reason into words when it is read or copied; mostly no one does. */
  #change(numbers: Float64Array, from: number): SegmentChange {
    const number = (n: number): number => numbers[from + n] as number;
    const segment = this.#segments[number(0)] as string;
    const at = number(2);
    const rules = this.#rules;
    this.#in[number(0)] = memberSince(segment, number(1) ? at : NaN);
    return {
      segment,
      kind: number(1) ? "entered" : "left",
      at,
      cause: CAUSES[number(3)] as SegmentChange["cause"],
      by: this.#by[number(3)]?.[number(4)] as string,
      get because() {
        return rules.because(numbers.subarray(from, after(numbers, from)));
      },
    };
  }
}
