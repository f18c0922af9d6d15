// The section `tcfcav1` of GPP: Canada's, whose lists of vendors are in Fibonacci coding, and once were not.
import { Bits, cut, padded, sorted } from "./bits.js";
import { SHARED, restrictions as plainRestrictions } from "./europe.js";
import { optimisedEnd, optimisedIn } from "./fibonacci.js";
import type { GppRestriction, GppSection } from "./index.js";
import { CANADA, type Kinds, readParts, readTable } from "./table.js";
import { byDistance, inRanges, optimised, plainly } from "./written.js";

/** A way of writing lists of vendors: how they are read, and how they would be written. */
interface Way {
  vendors(bits: Bits): number[];
  restrictions(bits: Bits): GppRestriction[];
  list(ids: readonly number[]): string;
  restricted(ids: readonly number[]): string;
}

const AS_SPECIFIED: Way = {
  vendors: (bits) => optimisedIn(bits.take(optimisedEnd(bits.all, bits.at) - bits.at)),
  restrictions: (bits) => restrictionsIn(bits.take(restrictionsEnd(bits.all, bits.at) - bits.at)),
  list: (ids) => optimised(ids, byDistance),
  restricted: (ids) => optimised(sorted(ids), byDistance),
};
const AS_ONCE: Way = {
  vendors: (bits) => bits.optimised(),
  restrictions: plainRestrictions,
  list: (ids) => optimised(ids, plainly),
  restricted: (ids) => inRanges(ids, plainly),
};
const KINDS = [again(AS_SPECIFIED), again(AS_ONCE)];
/** A string that is written in neither way is read in the first, and one that ends before its restrictions do has none. */
const AT_LAST: Kinds = { ...SHARED, v: AS_SPECIFIED.vendors, r: (bits) => (ends(bits) ? [] : AS_SPECIFIED.restrictions(bits)) };

/** Reads the core, the vendors disclosed and the publisher's part, each in the way it is written in. */
export function decodeCanada(text: string): GppSection {
  return readParts(text, CANADA, (bits, table) => {
    for (const kinds of table.includes(":v") ? KINDS : []) {
      try {
        return readTable(bits, table, kinds);
      } catch {
        // Not this one.
      }
    }
    return readTable(bits, table, AT_LAST);
  });
}

/** Reads only what would be written again as it was. */
function again(way: Way): Kinds {
  const same =
    <T>(read: (bits: Bits) => T, write: (value: T) => string, tidy: (value: T) => T) =>
    (bits: Bits): T => {
      const from = bits.at;
      const value = read(bits);
      if (write(value) !== bits.all.slice(from, bits.at)) throw new RangeError();
      return tidy(value);
    };
  const letters = (text: string): string => Array.from(text.padEnd(2), (letter) => padded(letter === " " ? 63 : letter.charCodeAt(0) - 65, 6)).join("");
  const restriction = ({ key, type, ids }: GppRestriction): string => padded(key, 6) + padded(type, 2) + way.restricted(ids);
  return {
    ...SHARED,
    l: same((bits) => SHARED.l!(bits, 0, {}) as string, letters, (text) => text),
    v: same(way.vendors, way.list, sorted),
    r: same(way.restrictions, (found) => padded(found.length, 12) + found.map(restriction).join(""), (found) => found),
  };
}

function ends(bits: Bits): boolean {
  try {
    restrictionsEnd(bits.all, bits.at);
    return false;
  } catch {
    return true;
  }
}

function restrictionsEnd(bits: string, from: number): number {
  let at = from + 12;
  for (let left = parseInt(cut(bits, from, at), 2); left > 0; left -= 1) {
    cut(bits, at, at + 8);
    at = optimisedEnd(bits, at + 8);
  }
  return at;
}

function restrictionsIn(text: string): GppRestriction[] {
  const bits = new Bits(text);
  return Array.from({ length: bits.int(12) }, () => ({ key: bits.int(6), type: bits.int(2), ids: AS_SPECIFIED.vendors(bits) }));
}
