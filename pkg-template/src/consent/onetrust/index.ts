// `keepset/consent/onetrust`: what OneTrust says, by its public JavaScript API.
import type { ConsentSource } from "../index.js";
import { atEvents, byCategory, type Categories } from "../categories.js";

/** The id of a cookie category, as it is set up in OneTrust: `C0002` is performance, `C0003` functional, `C0004` targeting at first. */
export type OneTrustCategory = `C${number}` | (string & {});

interface Window {
  /** The ids of what is allowed, each between commas. */
  OnetrustActiveGroups?: unknown;
  OneTrust?: { OnConsentChanged(changed: () => void): void; IsAlertBoxClosed?(): unknown };
}

/**
 * Reads OneTrust for `followConsent(client, { sources: [oneTrust({ storage: ["C0003"] })] })`. What it has active is allowed; what it has
 * not is denied, or waited for until its banner was answered.
 */
export function oneTrust(categories: Categories<OneTrustCategory>): ConsentSource {
  const page = globalThis as Window;
  const manager = {
    name: "onetrust",
    there: () => typeof page.OnetrustActiveGroups === "string" && page.OneTrust,
    allows: (category: string) => String(page.OnetrustActiveGroups).split(",").includes(category),
    answered: () => page.OneTrust?.IsAlertBoxClosed?.(),
    watch(look: () => void, over: AbortSignal) {
      // The first two come with the choice, the last after it was recorded.
      page.OneTrust?.OnConsentChanged(look);
      atEvents(["OneTrustGroupsUpdated", "OTConsentApplied"], look, over);
    },
  };
  return byCategory(manager, categories);
}
