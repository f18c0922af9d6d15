import type { Unsubscribe } from "./index.js";
import type { Keepset, SegmentId } from "./index.js";
/** Which segments go into bid requests, and in whose name. */
export interface PrebidOptions {
    /** The segments that may be handed on; as an object, each with the id that stands for it there. No other ever is. */
    segments: readonly SegmentId[] | {
        readonly [S in SegmentId]?: string;
    };
    /** Who says so: `ortb2.user.data[].name`, as a rule the site's domain. */
    name: string;
    /** The taxonomy the ids are of: `ortb2.user.data[].ext.segtax`. */
    segtax?: number;
    /** Aborting is the same as calling the returned function. */
    signal?: AbortSignal;
}
/**
 * Keeps one entry of the page's first-party data at the segments the device is in, and takes it out when there is none or `sharing` is
 * not granted; what others put there stays. It may be called before Prebid is loaded. Never throws; the returned function ends
 * it and takes the entry out.
 */
export declare function prebidSegments(client: Keepset, options: PrebidOptions): Unsubscribe;
