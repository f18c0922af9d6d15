/** What an app keeps of consent, by the names of its keys: numbers and strings, as they come over a bridge. */
export type NativeKeys = {
    readonly [key: string]: unknown;
};
/** The interfaces of consent managers, answered from the keys of an app: what `followConsent` takes as `managers`. */
export interface NativeSignals {
    readonly __tcfapi: (command: string, version: number, answer: (value: unknown, success: boolean) => void, parameter?: unknown) => void;
    readonly __gpp: (command: string, answer: (value: unknown, success: boolean) => void, parameter?: unknown) => void;
    /** Takes the place of all keys, and tells those who listen. */
    update(keys: NativeKeys): void;
}
/**
 * Answers for the keys `IABTCF_…` and `IABGPP_…` of an app as consent managers would: keys that contradict their string, or
 * cannot be read, are no consent, and as long as `IABTCF_gdprApplies` is missing an answer is awaited. Never throws.
 */
export declare function nativeSignals(keys: NativeKeys): NativeSignals;
