// `keepset/consent/native`: the keys in which a native app keeps consent strings, answered for as a consent manager in the page would.
import { restrictionsOf } from "../restrictions.js";
import { type TcfString, readGpp, readGppSections, readTcf } from "../strings/index.js";
import type { TcData } from "../tcf.js";

/** What an app keeps of consent, by the names of its keys: numbers and strings, as they come over a bridge. */
export type NativeKeys = { readonly [key: string]: unknown };

/** The interfaces of consent managers, answered from the keys of an app: what `followConsent` takes as `managers`. */
export interface NativeSignals {
  readonly __tcfapi: (command: string, version: number, answer: (value: unknown, success: boolean) => void, parameter?: unknown) => void;
  readonly __gpp: (command: string, answer: (value: unknown, success: boolean) => void, parameter?: unknown) => void;
  /** Takes the place of all keys, and tells those who listen. */
  update(keys: NativeKeys): void;
}

type Answer = (value: unknown, success: boolean) => void;

/**
 * Answers for the keys `IABTCF_…` and `IABGPP_…` of an app as consent managers would: keys that contradict their string, or
 * cannot be read, are no consent, and as long as `IABTCF_gdprApplies` is missing an answer is awaited. Never throws.
 */
export function nativeSignals(keys: NativeKeys): NativeSignals {
  let known = keys;
  const tcf = manager((id) => ({ ...tcData(known), listenerId: id }));
  const gpp = manager((id) => ({ pingData: pingData(known), listenerId: id }));
  return {
    __tcfapi: (command, _, answer, parameter) => tcf.call(command, answer, parameter),
    __gpp: gpp.call,
    update: (keys) => {
      known = keys;
      tcf.tell();
      gpp.tell();
    },
  };
}

function manager(data: (id: number) => object): { call(command: string, answer: Answer, parameter?: unknown): void; tell(): void } {
  const heard = new Map<unknown, Answer>();
  let last = 0;
  const tell = (answer: Answer, id: unknown): void => {
    let value: object | null = null;
    try {
      value = data(id as number);
    } catch {
      // Not to be read.
    }
    answer(value, value !== null);
  };
  return {
    call: (command, answer, parameter) => {
      if (command !== "addEventListener") return answer(heard.delete(parameter), command === "removeEventListener");
      heard.set((last += 1), answer);
      tell(answer, last);
    },
    tell: () => heard.forEach(tell),
  };
}

/** What TCF's keys say, if they agree. Whether it applies at all is not known until its key is there. */
function tcData(keys: NativeKeys): object {
  const { IABTCF_gdprApplies: applies, IABTCF_TCString: text } = keys;
  if (isMissing(applies)) return { cmpStatus: "loading" };
  if (Number(applies) === 0) return { gdprApplies: false };
  const string = readTcf(text as string);
  // Version 2, and one core only: two would be two answers.
  refuse(Number(applies) !== 1 || !string || !/^C[^.]*(\.[^A-H][^.]*)*$/.test(text as string));
  for (const [key, value] of Object.entries(keys)) refuse(!isMissing(value) && !agrees(key, String(value), string!));
  const bases = (consents: readonly number[], legitimateInterests: readonly number[]) => ({ consents: flags(consents), legitimateInterests: flags(legitimateInterests) });
  const data: TcData = {
    gdprApplies: true,
    eventStatus: "tcloaded",
    tcfPolicyVersion: string!.policyVersion,
    isServiceSpecific: string!.isServiceSpecific,
    purpose: bases(string!.purposeConsents, string!.purposeLegitimateInterests),
    vendor: {
      ...bases(string!.vendorConsents, string!.vendorLegitimateInterests),
      ...(/\.[I-P]/.test(text as string) ? { disclosedVendors: flags(string!.vendorsDisclosed) } : {}),
    },
    publisher: {
      ...bases(string!.publisherConsents, string!.publisherLegitimateInterests),
      restrictions: restrictionsOf(string!.publisherRestrictions.map(({ purposeId, restrictionType, vendors }) => [purposeId, restrictionType, vendors])),
    },
  };
  return data;
}

/** What keys are called whose fields are called otherwise. */
const RENAMED: { readonly [key: string]: keyof TcfString } = {
  CmpSdkID: "cmpId",
  CmpSdkVersion: "cmpVersion",
  PublisherCC: "publisherCountryCode",
  SpecialFeaturesOptIns: "specialFeatureOptins",
  DisclosedVendors: "vendorsDisclosed",
  PublisherConsent: "publisherConsents",
  PublisherCustomPurposesConsents: "publisherCustomConsents",
  PublisherCustomPurposesLegitimateInterests: "publisherCustomLegitimateInterests",
};

/** Whether a key says what the string says; one that is none of the string's says nothing against it. */
function agrees(key: string, value: string, string: TcfString): boolean {
  const [, name, purpose] = /^IABTCF_(\D+)(\d*)$/.exec(key) ?? [];
  if (!name) return true;
  if (purpose) return same(value, letters(string.publisherRestrictions.filter(({ purposeId }) => purposeId === Number(purpose)).map(({ restrictionType, vendors }) => [`${restrictionType}`, vendors])));
  const said = string[RENAMED[name] ?? ((name[0]!.toLowerCase() + name.slice(1)) as keyof TcfString)];
  if (said === undefined) return true;
  if (Array.isArray(said)) return same(value.replace(/0/g, "_"), letters([["1", said as number[]]]));
  return value === String(typeof said === "boolean" ? Number(said) : said);
}

/** A letter at the place of each id. */
function letters(lists: readonly (readonly [letter: string, ids: readonly number[]])[]): string {
  const row: string[] = [];
  for (const [letter, ids] of lists) for (const id of ids) row[id - 1] = letter;
  return Array.from(row, (letter) => letter ?? "_").join("");
}

const same = (value: string, letters: string): boolean => value.replace(/_+$/, "") === letters;
const flags = (ids: readonly number[]): { [id: number]: boolean } => Object.fromEntries(ids.map((id) => [id, true]));
const isMissing = (value: unknown): boolean => value === undefined || value === null || value === "";

/** What GPP's keys say, if they agree. Without any there is nothing in force. */
function pingData(keys: NativeKeys): object {
  const { IABGPP_HDR_GppString: text, IABGPP_GppSID: inForce } = keys;
  const parts = Object.entries(keys).flatMap(([key, value]) => {
    const section = /^IABGPP_(\w+)_String$/.exec(key)?.[1];
    return section && !isMissing(value) ? [[section, value as string] as const] : [];
  });
  const nothing = isMissing(text) && isMissing(inForce) && parts.length === 0;
  const applicableSections = nothing ? [-1] : String(inForce ?? "").split(/[_,]/).filter(Boolean).map(Number);
  const single = readGppSections(Object.fromEntries(parts));
  const all = isMissing(text) ? single : readGpp(text as string);
  refuse(!all || !single || applicableSections.some((id) => !(id < 1 || all.sectionIds.includes(id))));
  for (const [name, section] of Object.entries(single!.sections)) refuse(JSON.stringify(all!.sections[name]) !== JSON.stringify(section));
  for (const [name, { Version, MspaVersion }] of Object.entries(all!.sections)) refuse(!(VERSIONS[name] ?? [1]).includes((Version ?? MspaVersion) as number));
  return { signalStatus: "ready", applicableSections, parsedSections: all!.sections };
}

/** The versions of sections that have another than the first. */
const VERSIONS: { readonly [name: string]: readonly number[] } = { tcfeuv2: [2], usnat: [1, 2] };

function refuse(reason: boolean): void {
  if (reason) throw new RangeError();
}
