import type { ConsentSource } from "./consent.js";
import type { Purpose } from "./index.js";
/** The categories of a manager that decide each gate: all of a list have to be allowed. A gate without any is none of its business. */
type Categories<Category extends string> = {
    readonly [P in Purpose]?: readonly Category[];
};
/** The id of a cookie category, as it is set up in OneTrust: `C0002` is performance, `C0003` functional, `C0004` targeting at first. */
export type OneTrustCategory = `C${number}` | (string & {});
/**
 * Reads OneTrust for `followConsent(client, { sources: [oneTrust({ storage: ["C0003"] })] })`. What it has active is allowed; what it has
 * not is denied, or waited for until its banner was answered.
 */
export declare function oneTrust(categories: Categories<OneTrustCategory>): ConsentSource;
