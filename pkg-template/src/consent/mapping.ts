// What of each signal decides which gate, unless a page says otherwise. docs/consent.md says why.
import type { Purpose } from "../dto.js";
import type { ConsentMapping, ConsentSignal, GcmType, GppField, TcfPurpose } from "./index.js";

/** What of a signal decides a gate. */
export interface Codes {
  tcf(gate: Purpose): readonly TcfPurpose[];
  gpp(gate: Purpose): readonly GppField[];
  gpc(gate: Purpose): readonly Purpose[];
  gcm(gate: Purpose): readonly GcmType[];
}

const DEFAULT = {
  tcf: { storage: [1], segmentation: [5], reporting: [[8, 9]], sharing: [4] },
  gpp: { segmentation: ["TargetedAdvertisingOptOut"], sharing: ["SaleOptOut", "SharingOptOut", "TargetedAdvertisingOptOut", "Gpc"] },
  gpc: ["sharing"],
  gcm: {
    storage: ["functionality_storage", "analytics_storage"],
    segmentation: ["personalization_storage"],
    reporting: ["analytics_storage"],
    sharing: ["ad_user_data", "ad_personalization"],
  },
} satisfies ConsentMapping;

/** Reads a page's mapping over the default. */
export function codesOf(mapping: ConsentMapping | undefined): Codes {
  const listed = (signal: "tcf" | "gpp" | "gcm") => (gate: Purpose) => mapping?.[signal]?.[gate] ?? (DEFAULT as ConsentMapping)[signal]?.[gate] ?? [];
  return {
    tcf: listed("tcf"),
    gpp: listed("gpp"),
    gcm: listed("gcm"),
    gpc: (gate) => (mapping?.gpc ?? DEFAULT.gpc).filter((denied) => denied === gate),
  } as Codes;
}

/** Says whether a signal can decide a gate at all; one that nobody knows, or a mapping that cannot be read, may decide any. */
export function concerns(codes: Codes, signal: ConsentSignal, gate: Purpose): boolean {
  try {
    return codes[signal](gate).length !== 0 || (signal === "gpp" && codes.tcf(gate).length !== 0);
  } catch {
    return true;
  }
}
