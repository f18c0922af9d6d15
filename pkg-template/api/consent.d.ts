import type { Choice, Purpose } from "./index.js";
import type { Keepset } from "./index.js";
/** The signals that can be read: IAB TCF, IAB GPP, Global Privacy Control and Google Consent Mode. */
export type ConsentSignal = "tcf" | "gpp" | "gpc" | "gcm";
/** What is read, what it means for which gate, and who wants to know. */
export interface FollowConsentOptions {
    /**
     * The signals to read; by default all that exist, whenever they come. One that is named here is waited for: until it
     * says something, every gate it concerns is pending.
     */
    signals?: readonly ConsentSignal[];
    /** Consent managers that are read by an entry of their own, such as `keepset/consent/onetrust`; each is waited for. */
    sources?: readonly ConsentSource[];
    /** What of each signal decides which gate, in place of the default. A gate with an empty list is left out of that signal. */
    mapping?: ConsentMapping;
    /** An id of the Global Vendor List. Left out, the TCF choices for the publisher itself are read, which is what a tool of one's own needs. */
    vendor?: number;
    /**
     * Where the interfaces of TCF and GPP are, if not in this window or around it: what `nativeSignals` of `keepset/consent/native`
     * makes of an app's keys. No other manager is looked for then.
     */
    managers?: ConsentManagers;
    /** Called after every change of the decisions, and once for the first. */
    onDecision?: (decisions: ConsentDecisions) => void;
    /** Aborting is the same as `stop()`. */
    signal?: AbortSignal;
}
/** A consent manager that is read by an entry of its own. */
export interface ConsentSource {
    /** What decisions call it. */
    readonly name: string;
    /** The gates it can decide. */
    readonly gates: readonly Purpose[];
    /**
     * Begins to tell what it says of each gate, until `over` aborts; false while it is not there, and then it is asked again.
     * What throws, here or when a gate is asked for, is a no. Returns what is called before anything leaves: it tells anew what it says then,
     * and is false, or resolves to it, when there is no answer.
     */
    listen(tell: (says: (gate: Purpose) => Choice) => void, over: AbortSignal): false | (() => boolean | Promise<boolean>);
}
/** The interfaces by which consent managers are reached, as IAB defines them. */
export interface ConsentManagers {
    readonly __tcfapi?: (command: string, version: number, answer: (value: unknown, success: boolean) => void, parameter?: unknown) => void;
    readonly __gpp?: (command: string, answer: (value: unknown, success: boolean) => void, parameter?: unknown) => void;
}
/** A TCF purpose: `5` is consent to it, `"li9"` a legitimate interest in it, a list is any of these. */
export type TcfPurpose = number | `li${number}` | readonly (number | `li${number}`)[];
/** A field of a US section of GPP. It can only deny. */
export type GppField = "SaleOptOut" | "SharingOptOut" | "TargetedAdvertisingOptOut" | "Gpc";
/** A type of Google Consent Mode. */
export type GcmType = "analytics_storage" | "functionality_storage" | "personalization_storage" | "ad_storage" | "ad_user_data" | "ad_personalization";
/** What of each signal decides which gate. All of a list have to agree. */
export interface ConsentMapping {
    /** Also read from the section `tcfeuv2` of GPP. */
    tcf?: {
        readonly [P in Purpose]?: readonly TcfPurpose[];
    };
    gpp?: {
        readonly [P in Purpose]?: readonly GppField[];
    };
    /** The gates that Global Privacy Control denies. */
    gpc?: readonly Purpose[];
    gcm?: {
        readonly [P in Purpose]?: readonly GcmType[];
    };
}
/** What was decided about a gate, and the signals and sources that decided it; `"page"` is `client.consent.set`. */
export interface ConsentDecision {
    readonly choice: Choice;
    readonly by: readonly (ConsentSignal | "page" | (string & {}))[];
}
/** What was decided about each gate. */
export type ConsentDecisions = {
    readonly [P in Purpose]: ConsentDecision;
};
/** The signals being followed. */
export interface FollowedConsent {
    /** What is decided now. */
    readonly decisions: ConsentDecisions;
    /** Ends the following; the choices stay as they are. Calling it again does nothing. */
    stop(): void;
}
/**
 * Follows the consent signals of the page: denies a gate when any of them does, grants it when at least one does and none
 * denies or is still awaited. While it follows, `client.consent.set` is one more signal under the same rule. Returns at
 * once and never throws; on a server it does nothing.
 */
export declare function followConsent(client: Keepset, options?: FollowConsentOptions): FollowedConsent;
