// The section `tcfeuv2` of GPP: TCF in Europe by another way, with every flag a flag and every list as it was written.
import type { Bits } from "./bits.js";
import type { GppRestriction, GppSection } from "./index.js";
import { EUROPE, type Kinds, readParts, readTable } from "./table.js";

/** What Canada's section has in common with this one. */
export const SHARED: Kinds = {
  // The last of the codes is a space, and a space at an end is left out.
  l: (bits) => String.fromCharCode(...[bits.int(6), bits.int(6)].map((code) => (code === 63 ? 32 : 65 + code))).trim(),
  f: (bits, count) => bits.flags(count),
  n: (bits, _, { NumCustomPurposes: count }) => bits.flags(count as number),
};
const KINDS: Kinds = { ...SHARED, v: (bits) => bits.optimised(), r: restrictionsOrNone };

/** Reads the core, the lists of vendors and the publisher's part. */
export function decodeEurope(text: string): GppSection {
  return readParts(text, EUROPE, (bits, table) => readTable(bits, table, KINDS));
}

/** Restrictions with their vendors in plain ranges. */
export function restrictions(bits: Bits): GppRestriction[] {
  return Array.from({ length: bits.int(12) }, () => ({ key: bits.int(6), type: bits.int(2), ids: bits.ranges() }));
}

/** A string that ends before its restrictions do has none: the first ones were written without. */
function restrictionsOrNone(bits: Bits): GppRestriction[] {
  try {
    return restrictions(bits);
  } catch {
    return [];
  }
}
