// IAB GPP: the sections of US states, which can only deny, and `tcfeuv2`, which is TCF by another way.
import type { Purpose } from "../dto.js";
import type { GppField } from "./index.js";
import { listen, stage } from "./manager.js";
import type { Codes } from "./mapping.js";
import { restrictionsOf } from "./restrictions.js";
import { type Verdict, strictest } from "./rule.js";
import type { Source } from "./source.js";
import { type TcData, chosen } from "./tcf.js";

type Section = { readonly [field: string]: unknown };
interface PingData {
  readonly cmpStatus?: unknown;
  readonly signalStatus?: unknown;
  readonly applicableSections?: unknown;
  readonly parsedSections: { readonly [name: string]: Section | readonly Section[] };
}

/** Every section of a US state has at least one of these. */
const OPT_OUTS = ["SaleOptOut", "SharingOptOut", "TargetedAdvertisingOptOut"];
/** What can stand for the sections in force: TCF in Europe, those of the US from here on, that it is not known yet, and that there is none. */
const TCF_EU = 2;
const US_NATIONAL = 7;
const UNKNOWN = 0;
const NONE = -1;

/** Listens to GPP. */
export const gpp: Source = (hearing) =>
  listen("__gpp", hearing, (value) => {
    const { codes, vendor, tell } = hearing;
    const { pingData } = value as { pingData: PingData };
    const says = stage(pingData.cmpStatus, pingData.signalStatus, ["ready"]);
    if (says !== "granted") return tell(says);
    const found = sections(pingData, codes, vendor);
    tell((gate) => strictest(found.map((section) => section(gate))));
  });

/** What each section says about a gate. One in force that cannot be read is no answer, and throws. */
function sections({ applicableSections, parsedSections }: PingData, codes: Codes, vendor: number | undefined): ((gate: Purpose) => Verdict)[] {
  const applicable = [applicableSections as readonly unknown[]].flat();
  const elsewhere = applicable.length > 0 && !applicable.includes(TCF_EU) && !applicable.includes(UNKNOWN);
  const found: ((gate: Purpose) => Verdict)[] = [];
  for (const [name, parts] of Object.entries(parsedSections)) {
    const section: Section = Object.assign({}, ...[parts].flat());
    // An opt-out counts wherever it stands.
    if (name.startsWith("us") && !name.startsWith("usp")) found.push(optOuts(section, codes));
    if (name === "tcfeuv2" && !elsewhere) {
      const data = asTcData(section, vendor);
      found.push((gate) => chosen(codes.tcf(gate), data, vendor));
    }
  }
  const none = applicable.length > 0 && applicable.every((id) => id === NONE);
  // Canada's, the old ones and those to come are in force and not read.
  const unread = applicable.some((id) => typeof id === "number" && id > TCF_EU && id < US_NATIONAL);
  if (unread || (found.length === 0 && !none)) throw new Error();
  return found;
}

function optOuts(section: Section, codes: Codes): (gate: Purpose) => Verdict {
  if (!OPT_OUTS.some((field) => field in section)) throw new Error();
  const verdict = (field: GppField): Verdict => {
    const value = section[field];
    // 0 is "does not apply", 2 is "did not opt out"; a field that a state does not know is left out.
    const silent = value === undefined || value === 0 || value === (field === "Gpc" ? false : 2);
    return silent ? undefined : "denied";
  };
  return (gate) => strictest(codes.gpp(gate).map(verdict));
}

/** The section `tcfeuv2` in the form in which TCF's own interface gives the same. */
function asTcData(section: Section, vendor: number | undefined): TcData {
  const flags = (name: string) => Object.fromEntries((section[name] as unknown[]).map((flag, at) => [at + 1, flag]));
  const ids = (name: string) => Object.fromEntries((section[name] as number[]).map((id) => [id, true]));
  const bases = (of: (name: string) => { [id: number]: unknown }, whose: string) => ({ consents: of(`${whose}Consents`), legitimateInterests: of(`${whose}LegitimateInterests`) });
  const head = { isServiceSpecific: section.IsServiceSpecific, tcfPolicyVersion: section.PolicyVersion };
  const none = { consents: {}, legitimateInterests: {} };
  if (vendor === undefined) return { ...head, purpose: none, vendor: none, publisher: bases(flags, "Publisher") };
  const entries = section.PublisherRestrictions as { key: number; type: number; ids: number[] }[];
  const restrictions = restrictionsOf(entries.map(({ key, type, ids }) => [key, type, ids]));
  return {
    ...head,
    purpose: bases(flags, "Purpose"),
    vendor: { ...bases(ids, "Vendor"), ...(section.VendorsDisclosed === undefined ? {} : { disclosedVendors: ids("VendorsDisclosed") }) },
    publisher: { ...none, restrictions },
  };
}
