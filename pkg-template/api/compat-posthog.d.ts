import type { Keepset } from "./index.js";
/** How calls are read. */
export interface PostHogOptions {
    /** What an event is called in the pack; `null` is one that is not taken. Left out, `Product Viewed` is `product_viewed`. */
    events?: {
        readonly [event: string]: string | null;
    };
    /** What the page's snippet has kept so far: `window.posthog`. */
    queue?: unknown;
}
/** In the place of `window.posthog`. Who someone is, is not taken. */
export interface PostHogCalls {
    /** `$pageview` and `$pageleave` are `page_view` and `page_leave`; other names that begin with a `$` are PostHog's own and are not taken. */
    capture(event: string, properties?: unknown, options?: unknown): void;
    /** Does nothing. */
    identify(...rest: unknown[]): void;
    /** Does nothing. */
    alias(...rest: unknown[]): void;
    /** Does nothing. */
    group(...rest: unknown[]): void;
    /** Does nothing. */
    register(...rest: unknown[]): void;
    /** Does nothing. */
    unregister(...rest: unknown[]): void;
    /** Forgets what this device did: someone else may come. */
    reset(): void;
    /** Denies every purpose. */
    opt_out_capturing(): void;
    /** Does nothing: a yes to PostHog is none to this. */
    opt_in_capturing(): void;
    /** Says whether events are refused. */
    has_opted_out_capturing(): boolean;
}
/** Makes what a page may call in the place of `window.posthog`, and does what its snippet has kept. Nothing of it throws; nothing is sent. */
export declare function posthog(client: Keepset, options?: PostHogOptions): PostHogCalls;
