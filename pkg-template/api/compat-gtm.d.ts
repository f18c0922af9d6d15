import type { Keepset } from "./index.js";
/** How calls are read. */
export interface GtmOptions {
    /** What an event is called in the pack; `null` is one that is not taken. Left out, it is called there as here. */
    events?: {
        readonly [event: string]: string | null;
    };
    /** What was pushed before: `window.dataLayer`. */
    queue?: unknown;
}
/** In the place of Google's tag. */
export interface Gtm {
    /** In the place of `gtag`: events are taken, `set`, `config` and `consent` do nothing. */
    gtag(command: string, ...rest: unknown[]): void;
    /** In the place of `dataLayer`. */
    readonly dataLayer: {
        push(...items: unknown[]): number;
    };
}
/** Makes what a page may call in the place of the tag. Nothing of it throws; nothing is sent. */
export declare function gtm(client: Keepset, options?: GtmOptions): Gtm;
