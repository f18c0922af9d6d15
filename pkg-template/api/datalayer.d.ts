import { type Unsubscribe } from "./index.js";
import type { Keepset, SegmentId } from "./index.js";
/** What is read from the data layer, and what is written to it. */
export interface DataLayerOptions {
    /** What an event is called in the pack; `null` is one that is not read. Left out, it is called there as here. */
    events?: {
        readonly [event: string]: string | null;
    };
    /** The segments that tags may see; as an object, each with the word that stands for it there. Left out, none. */
    segments?: readonly SegmentId[] | {
        readonly [S in SegmentId]?: string;
    };
    /** The list; `window.dataLayer` when left out. */
    layer?: unknown[];
    /** Aborting is the same as calling the returned function. */
    signal?: AbortSignal;
}
/**
 * Reads the events that were pushed and will be, of `gtag("event", …)` and of `{ event: … }`, and tells a client. With `segments` it
 * pushes `{ event: "keepset_segments", keepset_segments: [...] }` whenever those change that the device is in, and only while the person
 * grants `sharing`; a withdrawal pushes an empty list. Never throws; the returned function ends both.
 */
export declare function connectDataLayer(client: Keepset, options?: DataLayerOptions): Unsubscribe;
