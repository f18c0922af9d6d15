import { toBase64 } from "./bytes.js";
import type { ConsentState } from "./dto.js";
import type { Profile } from "./profile.js";
import type { DeviceData } from "./types.js";

const date = (at: number): string => new Date(at).toISOString();

/** What an engine knows of a person: all but what a stock of tokens keeps, which is the page's. */
export type EngineData = Omit<DeviceData, "tokens">;

/** Everything that is known of a person here, for the person. `stored` is the record as it was last seen in the store. */
export function deviceData(name: string, core: Profile, consent: ConsentState, stored: Uint8Array | undefined, now: number): EngineData {
  return {
    exportedAt: date(now),
    name,
    consent,
    memberships: core.segments().map((membership) => ({ ...membership, sinceDate: date(membership.since) })),
    features: core.features(now),
    intake: core.intake(),
    ledger: core.ledger().map((entry) => ({ ...entry, atDate: date(entry.at) })),
    budget: core.budget(now) ?? null,
    waiting: core.pending() ?? null,
    stored: stored ? toBase64(stored) : null,
  };
}
