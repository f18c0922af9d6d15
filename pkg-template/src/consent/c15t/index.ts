// `keepset/consent/c15t`: what c15t says, by its store.
import type { ConsentSource } from "../index.js";
import { byCategory, type Categories } from "../categories.js";

/** A consent category of c15t. */
export type C15tCategory = "necessary" | "functionality" | "experience" | "measurement" | "marketing";

/** The store of c15t, as `getOrCreateConsentRuntime` of its package returns it, as far as it is read. */
export interface C15tStore {
  getState(): { has(category: never): boolean; hasConsented(): boolean };
  subscribe(listener: () => void): () => void;
}

/**
 * Reads c15t for `followConsent(client, { sources: [c15t(consentStore, { storage: ["functionality"] })] })`. What it has not is denied, or
 * waited for until the person has chosen.
 */
export function c15t(store: C15tStore, categories: Categories<C15tCategory>): ConsentSource {
  const manager = {
    name: "c15t",
    there: () => store,
    allows: (category: string) => store.getState().has(category as never),
    answered: () => store.getState().hasConsented(),
    watch: (look: () => void, over: AbortSignal) => over.addEventListener("abort", store.subscribe(look)),
  };
  return byCategory(manager, categories);
}
