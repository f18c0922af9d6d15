import type { Keepset } from "./index.js";
/** How calls are read. */
export interface SegmentOptions {
    /** What an event is called in the pack; `null` is one that is not taken. Left out, `Product Viewed` is `product_viewed`. */
    events?: {
        readonly [event: string]: string | null;
    };
    /** What the page's snippet has kept so far: `window.analytics`. */
    queue?: unknown;
}
/** In the place of `window.analytics`. Who someone is, is not taken. */
export interface SegmentAnalytics {
    track(event: string, properties?: unknown, options?: unknown, callback?: () => void): Promise<void>;
    /** Is the event `page_view`, without title and address. */
    page(...rest: unknown[]): Promise<void>;
    /** Is the event `screen_view`, without its name. */
    screen(...rest: unknown[]): Promise<void>;
    /** Does nothing. */
    identify(...rest: unknown[]): Promise<void>;
    /** Does nothing. */
    group(...rest: unknown[]): Promise<void>;
    /** Does nothing. */
    alias(...rest: unknown[]): Promise<void>;
    /** Calls back at once. */
    ready(callback?: () => void): Promise<void>;
    /** Forgets what this device did: someone else may come. */
    reset(): Promise<void>;
}
/** Makes what a page may call in the place of `window.analytics`, and does what its snippet has kept. Nothing of it throws; nothing is sent. */
export declare function segment(client: Keepset, options?: SegmentOptions): SegmentAnalytics;
