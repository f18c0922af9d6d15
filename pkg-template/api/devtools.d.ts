import { type Unsubscribe } from "./index.js";
import type { Keepset } from "./index.js";
/** How the panel opens. */
export interface DevtoolsOptions {
    /** Where it is put; the page's body when left out. */
    parent?: Element;
    /** Shown, and not folded to its button; `true` when left out. */
    open?: boolean;
    /** Aborting is the same as calling the returned function. */
    signal?: AbortSignal;
}
/**
 * Puts the panel over the page, and returns what takes it away. What it shows stays in the page: it sends nothing and stores nothing.
 * For whoever builds the site: load it on a condition of your own, such as a parameter of the address. Never throws; on a server it does nothing.
 */
export declare function openDevtools(client: Keepset, options?: DevtoolsOptions): Unsubscribe;
