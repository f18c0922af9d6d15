// How a writer would have written ids: Canada's sections were once written otherwise, and only that tells which way one is.
import { padded } from "./bits.js";
import { coded } from "./fibonacci.js";

type Groups = readonly (readonly [first: number, last: number])[];
/** How the ranges of ids are written. */
export type Writing = (groups: Groups) => string;

/** Each number by its distance from the one before. */
export const byDistance: Writing = (groups) => {
  let before = 0;
  return groups
    .map(([first, last]) => {
      const bits = coded(first - before) + (first === last ? "" : coded(last - first));
      before = last;
      return (first === last ? "0" : "1") + bits;
    })
    .join("");
};

/** Each number as it is. */
export const plainly: Writing = (groups) =>
  groups.map(([first, last]) => (first === last ? `0${padded(first, 16)}` : `1${padded(first, 16)}${padded(last, 16)}`)).join("");

/** Ids as ranges behind their count. */
export function inRanges(ids: readonly number[], writing: Writing): string {
  const groups: [number, number][] = [];
  for (const id of [...ids].sort((a, b) => a - b)) {
    const group = groups[groups.length - 1];
    if (group && group[1] + 1 === id) group[1] = id;
    else groups.push([id, id]);
  }
  return padded(groups.length, 12) + writing(groups);
}

/** Ids in ranges, or as a bit for each up to the highest where that is shorter. */
export function optimised(ids: readonly number[], writing: Writing): string {
  const highest = ids[ids.length - 1] ?? 0;
  const ranges = inRanges(ids, writing);
  if (ranges.length <= highest) return `${padded(highest, 16)}1${ranges}`;
  const bits = Array.from({ length: highest }, (_, at) => (ids.includes(at + 1) ? "1" : "0"));
  return `${padded(highest, 16)}0${bits.join("")}`;
}
