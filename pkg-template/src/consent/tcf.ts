// IAB TCF 2.2 and 2.3, as the page's consent manager hands it over.
import type { TcfPurpose } from "./index.js";
import { listen, stage } from "./manager.js";
import { type Verdict, strictest } from "./rule.js";
import type { Source } from "./source.js";

type Flags = { readonly [id: number]: unknown };
type Bases = { readonly consents: Flags; readonly legitimateInterests: Flags };
/** The parts of TCData that are read. Nothing of it can be relied on: what is missing throws, and that is a no. */
export interface TcData {
  readonly gdprApplies?: unknown;
  readonly eventStatus?: unknown;
  readonly cmpStatus?: unknown;
  readonly tcfPolicyVersion?: unknown;
  readonly isServiceSpecific?: unknown;
  readonly purpose: Bases;
  readonly vendor: Bases & { readonly disclosedVendors?: Flags; readonly vendorsDisclosed?: Flags };
  readonly publisher: Bases & { readonly restrictions?: { readonly [purpose: number]: Flags | undefined } };
}

/** Purposes that TCF 2.2 and later allow with consent only. */
const CONSENT_ONLY = [1, 3, 4, 5, 6];
/** The policy that comes with TCF 2.3, from which on a vendor has to have been disclosed. */
const DISCLOSING_POLICY = 5;
/** What a publisher may restrict a vendor's purpose to: 0 nothing, 1 consent, 2 legitimate interest. */
const BASES = { consents: 1, legitimateInterests: 2 };
type Basis = keyof typeof BASES;

/** Listens to TCF. */
export const tcf: Source = (hearing) =>
  listen("__tcfapi", hearing, (value) => {
    const { codes, vendor, tell } = hearing;
    const data = value as TcData;
    const says = standing(data);
    tell(says === "granted" ? (gate) => chosen(codes.tcf(gate), data, vendor) : says);
  });

/** Whether there are choices to be read (`granted`), not yet, or never; nothing where TCF does not apply. */
const standing = ({ gdprApplies, eventStatus, cmpStatus }: TcData): Verdict => (gdprApplies === false ? undefined : stage(cmpStatus, eventStatus, ["tcloaded", "useractioncomplete"]));

/** What the person chose about the purposes of a gate. */
export function chosen(purposes: readonly TcfPurpose[], data: TcData, vendor: number | undefined): Verdict {
  const lawful = data.isServiceSpecific !== false && (vendor === undefined || disclosed(data, vendor));
  const allowed = (code: unknown): boolean => {
    const basis = typeof code === "number" ? "consents" : "legitimateInterests";
    return lawful && allows(basis, Number(String(code).replace("li", "")), data, vendor);
  };
  return strictest(purposes.map((any) => ([any].flat().some(allowed) ? "granted" : "denied")));
}

function allows(basis: Basis, purpose: number, { publisher, purpose: purposes, vendor: vendors }: TcData, vendor: number | undefined): boolean {
  if (basis === "legitimateInterests" && CONSENT_ONLY.includes(purpose)) return false;
  if (vendor === undefined) return publisher[basis][purpose] === true;
  const only = publisher.restrictions?.[purpose]?.[vendor];
  return purposes[basis][purpose] === true && vendors[basis][vendor] === true && (only === undefined || only === BASES[basis]);
}

function disclosed({ vendor: vendors, tcfPolicyVersion: policy }: TcData, vendor: number): boolean {
  // One name is the specification's at first, the other the reference library's.
  const shown = vendors.disclosedVendors ?? vendors.vendorsDisclosed;
  if (shown !== undefined) return shown[vendor] === true;
  return typeof policy === "number" && policy < DISCLOSING_POLICY;
}
