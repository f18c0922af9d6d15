import type { Unsubscribe } from "./index.js";
import type { Keepset, SegmentId } from "./index.js";
/** Which segments go to the ad server, under which key. */
export interface GptOptions {
    /** The segments that may be handed on; as an object, each with the value that stands for it there. No other ever is. */
    segments: readonly SegmentId[] | {
        readonly [S in SegmentId]?: string;
    };
    /** The key, `"keepset"` when left out. */
    key?: string;
    /** Aborting is the same as calling the returned function. */
    signal?: AbortSignal;
}
/**
 * Keeps a key-value of the page at the segments the device is in, and clears it when there is none or `sharing` is not granted.
 * It may be called before the tag is loaded. Never throws; the returned function ends it and clears the key.
 */
export declare function gptTargeting(client: Keepset, options: GptOptions): Unsubscribe;
