// `keepset/consent/cookiebot`: what Cookiebot says, by its public JavaScript API.
import type { ConsentSource } from "../index.js";
import { atEvents, byCategory, type Categories } from "../categories.js";

/** A category of Cookiebot. */
export type CookiebotCategory = "necessary" | "preferences" | "statistics" | "marketing";

interface Window {
  Cookiebot?: { readonly consent?: { readonly [category: string]: unknown }; readonly hasResponse?: unknown };
}

/**
 * Reads Cookiebot for `followConsent(client, { sources: [cookiebot({ storage: ["preferences"] })] })`. What it has as `false` is denied, or
 * waited for until its dialog was answered.
 */
export function cookiebot(categories: Categories<CookiebotCategory>): ConsentSource {
  const page = globalThis as Window;
  const manager = {
    name: "cookiebot",
    there: () => page.Cookiebot?.consent,
    allows: (category: string) => page.Cookiebot?.consent?.[category],
    answered: () => page.Cookiebot?.hasResponse,
    // Ready comes with every answer, also with that of an earlier visit; the others are for those whose script sends no such event.
    watch: (look: () => void, over: AbortSignal) => atEvents(["CookiebotOnConsentReady", "CookiebotOnLoad", "CookiebotOnAccept", "CookiebotOnDecline"], look, over),
  };
  return byCategory(manager, categories);
}
