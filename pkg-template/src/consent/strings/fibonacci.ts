// Ids in Fibonacci coding, as GPP has them in its header and for Canada: each number ends with the first two ones.
import { cut, span } from "./bits.js";

/** Behind the next two ones from a place on; when there are none the search goes on at the second bit, as the library's does. */
const behind = (bits: string, from: number): number => bits.indexOf("11", from) + 2;

/** Where the ranges end that begin at a place. */
export function rangesEnd(bits: string, from: number): number {
  let at = from + 12;
  for (let left = parseInt(cut(bits, from, at), 2); left > 0; left -= 1) {
    const first = behind(bits, at + 1);
    at = bits[at] === "1" ? behind(bits, first) : first;
  }
  cut(bits, from, at);
  return at;
}

/** The ids of ranges: each number is the distance to the one before. */
export function rangesIn(bits: string): number[] {
  const ids: number[] = [];
  let [at, last] = [12, 0];
  const next = (): number => {
    const end = behind(bits, at);
    last += number(bits.substring(at, end));
    at = end;
    return last;
  };
  for (let left = parseInt(cut(bits, 0, 12), 2); left > 0; left -= 1) {
    const range = cut(bits, at, at + 1) === "1";
    at += 1;
    const first = next();
    if (!range) ids.push(first);
    else span(ids, first, next());
  }
  return ids;
}

function number(bits: string): number {
  if (bits.length < 2 || bits.indexOf("11") !== bits.length - 2) throw new RangeError();
  let [value, step, after] = [0, 1, 2];
  for (const bit of bits.slice(0, -1)) {
    if (bit === "1") value += step;
    [step, after] = [after, step + after];
  }
  // Longer than any that counts something.
  if (value > Number.MAX_SAFE_INTEGER) throw new RangeError();
  return value;
}

/** A number of at least one in Fibonacci coding. */
export function coded(value: number): string {
  const steps = [1, 2];
  while (steps[steps.length - 1]! <= value) steps.push(steps[steps.length - 1]! + steps[steps.length - 2]!);
  let bits = "";
  for (const step of steps.slice(0, -1).reverse()) {
    bits = (step <= value ? "1" : "0") + bits;
    if (step <= value) value -= step;
  }
  return `${bits}1`;
}

/** Where the ids end that begin at a place: a bit for each up to the highest, or ranges. */
export function optimisedEnd(bits: string, from: number): number {
  const end = from + 17;
  const highest = parseInt(cut(bits, from, end).slice(0, 16), 2);
  if (bits[end - 1] === "1") return rangesEnd(bits, end);
  cut(bits, from, end + highest);
  return end + highest;
}

/** The ids that were cut out. */
export function optimisedIn(bits: string): number[] {
  const list = bits.slice(17);
  return bits[16] === "1" ? rangesIn(list) : Array.from(list).flatMap((bit, at) => (bit === "1" ? [at + 1] : []));
}
