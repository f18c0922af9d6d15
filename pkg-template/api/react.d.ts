import { type ReactNode } from "react";
import type { ConsentState, Membership } from "./index.js";
import type { Consent, Keepset, SegmentId, Snapshot } from "./index.js";
/** What `KeepsetProvider` takes. */
export interface KeepsetProviderProps {
    /** What `init` returned. It is the page's: the provider neither starts nor destroys it. */
    client: Keepset;
    children?: ReactNode;
}
/** Hands a client to everything inside. */
export declare function KeepsetProvider({ client, children }: KeepsetProviderProps): ReactNode;
/**
 * Returns the client of the nearest `KeepsetProvider`.
 *
 * Throws a `KeepsetError` with the code `invalid_argument` when there is none.
 */
export declare function useKeepset(): Keepset;
/** Returns the segments now, and how far the client is; the same object until something changes. */
export declare function useSnapshot(): Snapshot;
/** Returns the segments the device is in. */
export declare function useSegments(): readonly Membership[];
/**
 * Says whether the device is in a segment: `undefined` while that is not known, on the server and until the engine is there.
 * Show for `undefined` what may stay for either answer, and nothing flickers.
 */
export declare function useSegment(segment: SegmentId): boolean | undefined;
/** Returns the person's choices and what changes them. */
export declare function useConsent(): readonly [ConsentState, Consent["set"]];
/** What `IfSegment` takes. */
export interface IfSegmentProps {
    segment: SegmentId;
    /** Shown to who is in the segment. */
    children?: ReactNode;
    /** Shown to who is not. */
    otherwise?: ReactNode;
    /** Shown while it is not known. */
    pending?: ReactNode;
}
/** Shows one thing to who is in a segment, another to who is not, and a third until that is known. */
export declare function IfSegment({ segment, children, otherwise, pending }: IfSegmentProps): ReactNode;
