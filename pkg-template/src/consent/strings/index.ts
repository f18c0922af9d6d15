// `keepset/consent/strings`: reads the strings in which consent managers write down what a person chose.
import { decodeGpp, decodeSections } from "./gpp.js";
import { decodeTcf } from "./tcf.js";

/** A restriction of a publisher: `0` not allowed, `1` with consent only, `2` by legitimate interest only. */
export interface TcfRestriction {
  readonly purposeId: number;
  readonly restrictionType: number;
  readonly vendors: readonly number[];
}

/** All that a TC string says; a field that is in none of its parts has the value that IAB's library gives it. */
export interface TcfString {
  readonly version: number;
  readonly created: string;
  readonly lastUpdated: string;
  readonly cmpId: number;
  readonly cmpVersion: number;
  readonly consentScreen: number;
  readonly consentLanguage: string;
  readonly vendorListVersion: number;
  readonly policyVersion: number;
  readonly isServiceSpecific: boolean;
  readonly useNonStandardStacks: boolean;
  readonly specialFeatureOptins: readonly number[];
  readonly purposeConsents: readonly number[];
  readonly purposeLegitimateInterests: readonly number[];
  readonly purposeOneTreatment: boolean;
  readonly publisherCountryCode: string;
  readonly vendorConsents: readonly number[];
  readonly vendorLegitimateInterests: readonly number[];
  readonly publisherRestrictions: readonly TcfRestriction[];
  readonly vendorsDisclosed: readonly number[];
  readonly vendorsAllowed: readonly number[];
  readonly publisherConsents: readonly number[];
  readonly publisherLegitimateInterests: readonly number[];
  readonly numCustomPurposes: number;
  readonly publisherCustomConsents: readonly number[];
  readonly publisherCustomLegitimateInterests: readonly number[];
}

/** A restriction of a publisher in a section of GPP: a purpose, its type, and the vendors. */
export interface GppRestriction {
  readonly key: number;
  readonly type: number;
  readonly ids: readonly number[];
}
/** The fields of a section of GPP by the names the specification gives them. */
export type GppSection = { [field: string]: unknown };
/** All that a GPP string says in sections that are known. */
export interface GppString {
  readonly sectionIds: readonly number[];
  readonly sections: { readonly [name: string]: GppSection };
}

/** Reads a TC string; nothing for one that cannot be read, which is no consent. */
export function readTcf(string: string): TcfString | undefined {
  return read(decodeTcf, string);
}

/** Reads a GPP string; nothing for one that cannot be read, which is no consent. */
export function readGpp(string: string): GppString | undefined {
  return read(decodeGpp, string);
}

/** Reads sections of GPP that are not in one string, by their ids or names; one that is not known is left out. */
export function readGppSections(strings: { readonly [section: string]: string }): GppString | undefined {
  return read(decodeSections, strings);
}

function read<S, T>(decode: (from: S) => T, from: S): T | undefined {
  try {
    return decode(from);
  } catch {
    return undefined;
  }
}
