import type { ConsentSource } from "./consent.js";
import type { Purpose } from "./index.js";
/** The categories of a manager that decide each gate: all of a list have to be allowed. A gate without any is none of its business. */
type Categories<Category extends string> = {
    readonly [P in Purpose]?: readonly Category[];
};
/** A category of Cookiebot. */
export type CookiebotCategory = "necessary" | "preferences" | "statistics" | "marketing";
/**
 * Reads Cookiebot for `followConsent(client, { sources: [cookiebot({ storage: ["preferences"] })] })`. What it has as `false` is denied, or
 * waited for until its dialog was answered.
 */
export declare function cookiebot(categories: Categories<CookiebotCategory>): ConsentSource;
