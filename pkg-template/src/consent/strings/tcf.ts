// A TC string, read as IAB's own library reads it: https://github.com/InteractiveAdvertisingBureau/iabtcf-es
import { Bits, bitsOf, sorted } from "./bits.js";
import type { TcfRestriction, TcfString } from "./index.js";
import { EUROPE, EUROPE_ONCE, type Kinds, type Values, readTable } from "./table.js";

const KINDS: Kinds = {
  l: (bits) => String.fromCharCode(65 + bits.int(6), 65 + bits.int(6)),
  f: (bits, count) => bits.set(count),
  // With no custom purposes there is no field.
  n: (bits, _, { NumCustomPurposes: count }) => (count === 0 ? undefined : bits.set(count as number)),
  v: (bits) => vendors(bits.optimised()),
  r: restrictions,
};
/** Version 1 may say what holds for the vendors it does not name; that they have consent is refused, as the library does. */
const ONCE: Kinds = {
  ...KINDS,
  v: (bits) => {
    const highest = bits.int(16);
    if (!bits.flag()) return bits.set(highest);
    refuse(bits.flag());
    return vendors(bits.ranges());
  },
};
/** What a string says that has nothing but a core. */
const REST = { policyVersion: 2, publisherCustomConsents: [], publisherCustomLegitimateInterests: [] };

/** Reads every part; a later one of the same kind takes the place of an earlier one. */
export function decodeTcf(text: string): TcfString {
  const model = Object.assign({}, ...EUROPE.map((table) => named(readTable("0".repeat(300), table, KINDS))), REST) as TcfString;
  let version: number | undefined;
  for (const part of text.split(".")) {
    const bits = bitsOf(part);
    // The core has no number of its own: its version is small enough to look like a zero.
    const number = new Bits(bits).int(3);
    if (number === 0) version = new Bits(bits).int(6);
    refuse(number > 3 || (version === 1 ? number > 0 : version !== undefined && version !== 2));
    const read = named(version === 1 ? readTable(bits, EUROPE_ONCE, ONCE) : readTable(bits, EUROPE[number]!, KINDS));
    refuse(number === 0 && ((read.cmpId as number) < 2 || !/^[A-z]{2}$/.test((read.publisherCountryCode ?? "AA") as string)));
    Object.assign(model, read);
  }
  // The library makes up a core that is not there; nobody consented to that one.
  refuse(version === undefined);
  return { ...model, publisherCountryCode: model.publisherCountryCode.toUpperCase() };
}

/** The fields by the names they have here, without the numbers of the parts. */
function named(read: Values): Values {
  const fields = Object.entries(read).filter(([field]) => !field.endsWith("Type"));
  return Object.fromEntries(fields.map(([field, value]) => [field[0]!.toLowerCase() + field.slice(1), value]));
}

function refuse(reason: boolean): void {
  if (reason) throw new RangeError();
}

/** No vendor has the id 0. */
function vendors(ids: number[]): number[] {
  refuse(ids.includes(0));
  return sorted(ids);
}

function restrictions(bits: Bits): TcfRestriction[] {
  const found = new Map<string, TcfRestriction>();
  for (let left = bits.int(12); left > 0; left -= 1) {
    const purposeId = bits.int(6);
    const restrictionType = bits.int(2);
    const ids = bits.ranges("wrong");
    if (ids.length === 0) continue;
    refuse(purposeId === 0 || restrictionType > 2);
    const key = `${purposeId}-${restrictionType}`;
    found.set(key, { purposeId, restrictionType, vendors: sorted([...(found.get(key)?.vendors ?? []), ...ids]) });
  }
  return [...found.values()];
}
