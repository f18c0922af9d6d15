// The bits of a consent string, read from the front. Whatever does not fit throws, and a string that throws is refused.

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/** No list of ids is longer, whatever a damaged string says. */
const MOST_IDS = 1 << 18;

/** The bits of base64url text; a character that is none throws. */
export function bitsOf(text: string): string {
  return Array.from(text, (character) => {
    const value = ALPHABET.indexOf(character);
    if (value < 0) throw new RangeError();
    return padded(value, 6);
  }).join("");
}

/** A number as so many bits. */
export const padded = (value: number, width: number): string => value.toString(2).padStart(width, "0");

/** The bits from one place to another, which both have to be there. */
export function cut(bits: string, from: number, to: number): string {
  if (to < from || to > bits.length) throw new RangeError();
  return bits.slice(from, to);
}

/** Reads one thing after the other. */
export class Bits {
  #at = 0;

  constructor(readonly all: string) {}

  get at(): number {
    return this.#at;
  }

  take(count: number): string {
    const taken = cut(this.all, this.#at, this.#at + count);
    this.#at += count;
    return taken;
  }

  int(width: number): number {
    return parseInt(this.take(width), 2);
  }

  flag(): boolean {
    return this.take(1) === "1";
  }

  /** Milliseconds are not kept, only tenths of a second. */
  date(): string {
    return new Date(this.int(36) * 100).toISOString();
  }

  flags(count: number): boolean[] {
    return Array.from(this.take(count), (bit) => bit === "1");
  }

  /** The places of the bits that are set, from 1. */
  set(count: number): number[] {
    return this.flags(count).flatMap((set, at) => (set ? [at + 1] : []));
  }

  /** Single ids and ranges of them, as they come; a range that ends before it begins holds none, or is a mistake. */
  ranges(backwards: "empty" | "wrong" = "empty"): number[] {
    const ids: number[] = [];
    for (let left = this.int(12); left > 0; left -= 1) {
      const range = this.flag();
      const first = this.int(16);
      const last = range ? this.int(16) : first;
      if (last < first && backwards === "wrong") throw new RangeError();
      span(ids, first, last);
    }
    return ids;
  }

  /** A bit for each id up to the highest, or ranges. */
  optimised(): number[] {
    const highest = this.int(16);
    return this.flag() ? this.ranges() : this.set(highest);
  }
}

/** Adds the ids from one to another to a list. */
export function span(ids: number[], first: number, last: number): void {
  if (ids.length + last - first > MOST_IDS) throw new RangeError();
  for (let id = first; id <= last; id += 1) ids.push(id);
}

/** Each id once, in order. */
export const sorted = (ids: Iterable<number>): number[] => [...new Set(ids)].sort((a, b) => a - b);
