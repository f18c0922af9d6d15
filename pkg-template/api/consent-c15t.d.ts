import type { ConsentSource } from "./consent.js";
import type { Purpose } from "./index.js";
/** The categories of a manager that decide each gate: all of a list have to be allowed. A gate without any is none of its business. */
type Categories<Category extends string> = {
    readonly [P in Purpose]?: readonly Category[];
};
/** A consent category of c15t. */
export type C15tCategory = "necessary" | "functionality" | "experience" | "measurement" | "marketing";
/** The store of c15t, as `getOrCreateConsentRuntime` of its package returns it, as far as it is read. */
export interface C15tStore {
    getState(): {
        has(category: never): boolean;
        hasConsented(): boolean;
    };
    subscribe(listener: () => void): () => void;
}
/**
 * Reads c15t for `followConsent(client, { sources: [c15t(consentStore, { storage: ["functionality"] })] })`. What it has not is denied, or
 * waited for until the person has chosen.
 */
export declare function c15t(store: C15tStore, categories: Categories<C15tCategory>): ConsentSource;
