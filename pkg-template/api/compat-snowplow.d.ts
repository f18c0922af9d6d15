import type { Keepset } from "./index.js";
/** How calls are read. */
export interface SnowplowOptions {
    /**
     * What an event is called in the pack; `null` is one that is not taken. Left out, a self-describing event is called as its schema
     * is, a structured one as its action and a page view `page_view`.
     */
    events?: {
        readonly [event: string]: string | null;
    };
    /** What the page's snippet has kept so far: `window.snowplow.q`. */
    queue?: unknown;
}
/** In the place of `window.snowplow`: `snowplow("trackPageView")`, with the name of a tracker behind a colon or without. */
export type Snowplow = (method: string, ...args: unknown[]) => void;
/** Makes what a page may call in the place of `window.snowplow`, and does what its snippet has kept. Nothing of it throws; nothing is sent. */
export declare function snowplow(client: Keepset, options?: SnowplowOptions): Snowplow;
