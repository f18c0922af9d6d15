// The parts of TCF strings as tables: TCF's own, the section of GPP that holds the same, and Canada's.
import { Bits, bitsOf } from "./bits.js";

/** How a kind of field is read; the number is what stands behind its letter. What is undefined is left out. */
export type Kinds = { readonly [kind: string]: (bits: Bits, count: number, read: Values) => unknown };
export type Values = { [field: string]: unknown };

/** `i` a number, `t` a time, `b` yes or no, `l` two letters, `f` flags, `n` as many as custom purposes, `v` vendors, `r` restrictions. */
const HEAD = "Version:i6 Created:t LastUpdated:t CmpId:i12 CmpVersion:i12 ConsentScreen:i6 ConsentLanguage:l VendorListVersion:i12 ";

/** The parts of version 2 by their numbers, which the later ones begin with. */
export const EUROPE: readonly string[] = [
  `${HEAD}PolicyVersion:i6 IsServiceSpecific:b UseNonStandardStacks:b SpecialFeatureOptins:f12 PurposeConsents:f24 PurposeLegitimateInterests:f24 PurposeOneTreatment:b PublisherCountryCode:l VendorConsents:v VendorLegitimateInterests:v PublisherRestrictions:r`,
  "VendorsDisclosedSegmentType:i3 VendorsDisclosed:v",
  "VendorsAllowedSegmentType:i3 VendorsAllowed:v",
  "PublisherPurposesSegmentType:i3 PublisherConsents:f24 PublisherLegitimateInterests:f24 NumCustomPurposes:i6 PublisherCustomConsents:n PublisherCustomLegitimateInterests:n",
];
/** The one part of version 1. */
export const EUROPE_ONCE = `${HEAD}PurposeConsents:f24 VendorConsents:v`;
/** Canada's parts; there is no second. */
export const CANADA: readonly string[] = [
  `${HEAD}TcfPolicyVersion:i6 UseNonStandardStacks:b SpecialFeatureExpressConsent:f12 PurposesExpressConsent:f24 PurposesImpliedConsent:f24 VendorExpressConsent:v VendorImpliedConsent:v PubRestrictions:r`,
  "DisclosedVendorsSegmentType:i3 DisclosedVendors:v",
  "",
  "PubPurposesSegmentType:i3 PubPurposesExpressConsent:f24 PubPurposesImpliedConsent:f24 NumCustomPurposes:i6 CustomPurposesExpressConsent:n CustomPurposesImpliedConsent:n",
];

/** What is read in one way only. */
const PLAIN: Kinds = { i: (bits, width) => bits.int(width), t: (bits) => bits.date(), b: (bits) => bits.flag() };

/** Reads every field of a table. */
export function readTable(text: string, table: string, kinds: Kinds): Values {
  const [bits, read] = [new Bits(text), {} as Values];
  for (const [, field, kind, count] of table.matchAll(/(\w+):(\w)(\d*)/g)) {
    const value = { ...PLAIN, ...kinds }[kind!]!(bits, Number(count), read);
    if (value !== undefined) read[field!] = value;
  }
  return read;
}

/** Reads the parts of a section of GPP, each of which may be missing but the first; a later one takes the place of an earlier one. */
export function readParts(text: string, tables: readonly string[], read: (bits: string, table: string) => Values): Values {
  const parts: string[] = [];
  for (const part of text.split(".").filter(Boolean)) {
    const number = new Bits(bitsOf(part[0]!)).int(3);
    if (!tables[number]) throw new RangeError();
    parts[number] = part;
  }
  // The library makes up a core that is not there; nobody consented to that one.
  if (!parts[0]) throw new RangeError();
  const bits = (number: number): string => (parts[number] ? bitsOf(parts[number]!) : number.toString(2).padStart(3, "0").padEnd(60, "0"));
  return Object.assign({}, ...tables.map((table, number) => read(bits(number), table)));
}
