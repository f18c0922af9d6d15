import { type ComputedRef, type MaybeRefOrGetter, type Plugin, type PropType, type ShallowRef, type SlotsType } from "vue";
import type { ConsentState, Membership } from "./index.js";
import type { Consent, Keepset, SegmentId, Snapshot } from "./index.js";
/** Makes the plugin that hands a client to an app: `app.use(keepsetPlugin(client))`. The client is the page's: it is neither started nor destroyed here. */
export declare function keepsetPlugin(client: Keepset): Plugin;
/**
 * Returns the client of the app.
 *
 * Throws a `KeepsetError` with the code `invalid_argument` when there is none.
 */
export declare function useKeepset(): Keepset;
/** Returns the segments now, and how far the client is. */
export declare function useSnapshot(): Readonly<ShallowRef<Snapshot>>;
/** Returns the segments the device is in. */
export declare function useSegments(): ComputedRef<readonly Membership[]>;
/**
 * Says whether the device is in a segment: `undefined` while that is not known, on the server and until the engine is there.
 * Show for `undefined` what may stay for either answer, and nothing flickers.
 */
export declare function useSegment(segment: MaybeRefOrGetter<SegmentId>): ComputedRef<boolean | undefined>;
/** Returns the person's choices and what changes them. */
export declare function useConsent(): {
    readonly state: Readonly<ShallowRef<ConsentState>>;
    readonly set: Consent["set"];
};
/** Shows the slot `default` to who is in a segment, `otherwise` to who is not, and `pending` until that is known. */
export declare const IfSegment: import("vue").DefineComponent<import("vue").ExtractPropTypes<{
    segment: {
        type: PropType<SegmentId>;
        required: true;
    };
}>, () => import("vue").VNode<import("vue").RendererNode, import("vue").RendererElement, {
    [key: string]: any;
}>[], {}, {}, {}, import("vue").ComponentOptionsMixin, import("vue").ComponentOptionsMixin, {}, string, import("vue").PublicProps, Readonly<import("vue").ExtractPropTypes<{
    segment: {
        type: PropType<SegmentId>;
        required: true;
    };
}>> & Readonly<{}>, {}, SlotsType<{
    default: unknown;
    otherwise: unknown;
    pending: unknown;
}>, {}, {}, string, import("vue").ComponentProvideOptions, true, {}, any>;
