import { Core, type Rules } from "./core.js";
import type { ConsentChange, Scalar, SegmentChange } from "./dto.js";

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

const NO_TEXTS: readonly string[] = [];
const NO_VALUES = new Float64Array(0);

/** An event as the pack declares it, and the place for the values of one. */
type Declared = readonly [spec: number, properties: readonly string[], values: Float64Array];

/** A change that puts its reason into words when it is asked; mostly no one asks. */
class Change implements SegmentChange {
  readonly segment: string;
  readonly kind: SegmentChange["kind"];
  readonly at: number;
  readonly cause: SegmentChange["cause"];
  readonly by: string;
  readonly #rules: Rules;
  readonly #numbers: Float64Array;
  readonly #from: number;

  constructor(rules: Rules, names: readonly string[][], numbers: Float64Array, from: number) {
    const number = (place: number): number => numbers[from + place] as number;
    this.segment = names[6]?.[number(0)] as string;
    this.kind = number(1) > 0 ? "entered" : "left";
    this.at = number(2);
    this.cause = CAUSES[number(3)] as SegmentChange["cause"];
    this.by = names[number(3)]?.[number(4)] as string;
    this.#rules = rules;
    this.#numbers = numbers;
    this.#from = from;
  }

  get because(): string {
    const end = this.#from + HEAD + (this.#numbers[this.#from + HEAD - 1] as number);
    return this.#rules.because(this.#numbers.subarray(this.#from, end));
  }
}

/** One profile's engine, as the page knows things. */
export class Profile extends Core {
  readonly #rules = this.rules();
  readonly #events = new Map<string, Declared>();
  /** By cause: the names of what may have done it. */
  readonly #names: string[][] = [];

  constructor(...parts: ConstructorParameters<typeof Core>) {
    super(...parts);
    const [events, segments] = this.#rules.names();
    events.forEach(([name, ...properties], spec) => this.#events.set(name, [spec, properties, new Float64Array(properties.length)]));
    this.#names[0] = events.map(([name]) => name);
    this.#names[6] = segments;
  }

  /** Takes in an event; a value that is neither a number, a text nor a flag is left out. */
  track(name: string, properties: Readonly<Record<string, Scalar>>, at: number, id: string | undefined, now: number): SegmentChange[] {
    const [spec, declared, values] = this.#events.get(name) ?? [this.#events.size, [], NO_VALUES];
    let texts = NO_TEXTS as string[];
    let others = Object.keys(properties).length;
    for (let n = 0; n < declared.length; n += 1) {
      const value = properties[declared[n] as string];
      let number = NaN;
      if (typeof value === "number") number = Math.abs(value) <= MOST ? value : Infinity;
      else if (typeof value === "boolean") number = value ? TRUE : FALSE;
      else if (typeof value === "string") {
        if (texts === NO_TEXTS) texts = [];
        number = TEXT + texts.push(value) - 1;
      }
      if (number === number) others -= 1;
      values[n] = number;
    }
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
    for (let from = 0; from < numbers.length; from += HEAD + (numbers[from + HEAD - 1] as number)) {
      changes.push(new Change(this.#rules, this.#names, numbers, from));
    }
    return changes;
  }
}
