/// <reference lib="esnext.disposable" />
/** Every way Keepset can fail, as a stable word: act on the code, show the message. */
export type ErrorCode = "invalid_options" | "invalid_event" | "invalid_argument" | "too_many_calls" | "pack_load_failed" | "pack_invalid" | "wasm_unsupported" | "wasm_load_failed" | "csp_blocked" | "engine_crashed" | "storage_unavailable" | "storage_corrupt" | "quota_exceeded" | "no_entropy" | "no_key" | "network" | "collector_rejected" | "over_budget" | "aborted" | "destroyed";
/** The one error of this package: a stable code, a sentence, where to read more, and what caused it. */
export declare class KeepsetError extends Error {
    readonly name = "KeepsetError";
    /** The stable word to act on. */
    readonly code: ErrorCode;
    /** Where this code is explained, inside the package. */
    readonly docs: string;
    /** How many calls it is about, where it is about several. */
    readonly count?: number;
    constructor(code: ErrorCode, message: string, options?: {
        cause?: unknown;
        count?: number;
    });
}
/** Says whether a value is an error of this package, also when two copies of it are loaded. */
export declare function isKeepsetError(value: unknown): value is KeepsetError;

/** Stops what it was returned for. Calling it again does nothing. */
export type Unsubscribe = () => void;

/** What a person can allow or refuse, each on its own. */
export type Purpose = "segmentation" | "storage" | "reporting" | "sharing";
/** A person's answer for one purpose; nothing is allowed until it is `granted`. */
export type Choice = "granted" | "denied" | "pending";
/** The choice for every purpose. */
export type ConsentState = {
    readonly [P in Purpose]: Choice;
};
/** A choice, and since when it stands, in milliseconds since 1970; 0 before anything was said. */
export interface Standing {
    readonly choice: Choice;
    readonly since: number;
}
/** The signals by which a yes can reach the engine: the page's own word, IAB TCF, IAB GPP, Google Consent Mode. A label says which it was. */
export type GrantedBy = "page" | "tcf" | "gpp" | "gcm";
/** A change of some choices; purposes left out keep theirs. */
export type ConsentChange = {
    readonly [P in Purpose]?: Choice;
};
/** A value of an event's property. */
export type Scalar = number | string | boolean;
/** An event as the engine takes it in. */
export interface EventInput {
    readonly name: string;
    readonly properties: Readonly<Record<string, Scalar>>;
    /** When it happened, in milliseconds since 1970. */
    readonly at: number;
    /** Names it: of events with one id only the first counts. */
    readonly id?: string;
}
/** A segment entered or left, and why. */
export interface SegmentChange {
    readonly segment: string;
    readonly kind: "entered" | "left";
    /** When, in milliseconds since 1970. */
    readonly at: number;
    /**
     * What made it so: an event, time alone, a choice of the person, an erasure (`reset`, or nothing happened for as long
     * as the pack keeps things), the pack's end, the membership's own, another segment of its group, or the start.
     */
    readonly cause: "event" | "time" | "consent" | "erased" | "expired" | "ttl" | "group" | "start";
    /** The event or the segment that did it. */
    readonly by?: string;
    /** The conditions that decided, in one sentence; empty where no rule did. */
    readonly because: string;
}
/** The value of a feature. */
export interface FeatureValue {
    /** The feature's id in the pack. */
    readonly id: string;
    readonly title: string;
    /** The value now; absent while there is none. */
    readonly value?: number;
    /** What the value stands for, where it is the number of a label. */
    readonly label?: string;
}
/** What became of the events so far. Counts only. */
export interface Intake {
    /** Taken in. */
    readonly accepted: number;
    /** Taken in, although a later one had come before. */
    readonly late: number;
    /** Dropped: an event of the same id had come. */
    readonly duplicates: number;
    /** Dropped: the pack declares no event of this name. */
    readonly undeclaredEvents: number;
    /** Properties dropped: the pack does not declare them. */
    readonly undeclaredProperties: number;
    /** Refused: a property broke its declaration. */
    readonly refused: number;
    /** Rows of memory given up to keep the profile within its size. */
    readonly evicted: number;
}
/** A segment the device is in, and since when. */
export interface Membership {
    /** The segment's id in the pack. */
    readonly id: string;
    /** When it was entered, in milliseconds since 1970. */
    readonly since: number;
}
/** What became of handing one report to the collector. */
export type Outcome = "accepted" | "refused" | "failed";
/** Why no report was made or sent. */
export type Withheld = 
/** The pack asks nothing. */
"no_plan"
/** Segmentation or reporting is not granted; or it was not confirmed at the moment of handing out. */
 | "no_consent"
/** Storage is not granted, so no charge could be kept. */
 | "storage_needed"
/** The plan has not started or has ended. */
 | "plan_not_live"
/** The clock stands before an instant already seen. */
 | "clock_behind"
/** This window is answered, or the device is new and waits for the next one. */
 | "answered"
/** The moment drawn for this window has not come. */
 | "not_due"
/** The year's allowance is spent. */
 | "budget"
/** The device has no source of randomness. */
 | "no_entropy"
/** The plan is larger than this engine can answer. */
 | "mechanism"
/** The pack names no key of the collector to seal a report to at this time; where there is a relay, none of its gateway. */
 | "no_key"
/** The part of the package that makes reports could not be loaded; it is tried again. */
 | "not_loaded"
/** No collector was named. */
 | "no_collector"
/** The storage has not confirmed the charge. */
 | "not_durable"
/** `beforeSend` dropped it. */
 | "dropped"
/** The collector could not be reached; the same bytes are sent again later. */
 | "offline"
/** The collector refused it. */
 | "refused"
/** The budget of bytes of this page is spent, or its browser saves data (`keepset/stats`): it waits. */
 | "over_budget" | "saves_data"
/** The client is paused. */
 | "paused"
/** The client never started, failed, or was destroyed. */
 | "not_running";
/**
 * One line of the ledger: what was written down before anything left, and, beside it, what became of it. The fields up to
 * `before` are a receipt, which never changes; `hash` is over all of them, and the next receipt holds it (docs/ledger.md).
 */
export interface Report {
    /** Its place in the chain, from 0. */
    readonly number: number;
    /** When it was drawn, charged and written down, in milliseconds since 1970. */
    readonly at: number;
    /** What leaves: a report; the segments the person agreed to share; or the word that those are to be erased. */
    readonly kind: "report" | "label" | "erasure";
    /** The purpose whose gate it passed. */
    readonly purpose: "reporting" | "sharing";
    /** The hash of the public plan that permits it, in hexadecimal. */
    readonly plan: string;
    /** The hash of the pack that was in force, in hexadecimal. */
    readonly pack: string;
    /** The id of the question it answers. */
    readonly question: string;
    /** The window of the plan it answers for. */
    readonly window: number;
    /** The mechanism that drew the noise, with its parameters. */
    readonly mechanism: string;
    /** What it cost. */
    readonly epsilon: number;
    /** The consent it relied on, gate by gate. */
    readonly consent: {
        readonly [P in Purpose]: Standing;
    };
    /** The SHA-256 of the exact bytes that leave, in hexadecimal. */
    readonly sha256: string;
    /** How many bytes that is. */
    readonly size: number;
    /** The hash of the receipt before, in hexadecimal; zeros before the first. */
    readonly before: string;
    /** The hash of this receipt, in hexadecimal. */
    readonly hash: string;
    /** The random number that names this report and nothing else, in hexadecimal. */
    readonly id: string;
    /** After this instant it is not sent any more. */
    readonly until: number;
    /** What became of it. */
    readonly outcome: "waiting" | "accepted" | "refused" | "withdrawn" | "expired";
    /** How often it was sent without a known end. */
    readonly attempts: number;
    /** The report itself, as the collector reads it; empty once it was erased. */
    readonly body: Uint8Array;
    /** The exact bytes that leave, the same at every attempt: the report, sealed so that only the collector can read it. Empty with it. */
    readonly sealed: Uint8Array;
}
/** A report in the device's own ledger. */
export type LedgerEntry = Report;
/** The privacy budget, in epsilon. A window may cost one report. */
export interface Budget {
    /** The price of one report. */
    readonly perReport: number;
    /** Spent in this window. */
    readonly spentInWindow: number;
    /** Spent in the last 365 days. */
    readonly spent: number;
    /** The most 365 days may cost. */
    readonly limit: number;
}
/** Why the device is in a segment, or out of it. */
export interface Explanation {
    readonly segment: string;
    readonly title: string;
    /** Why the segment exists, in the pack's words, with the values of now filled in. */
    readonly reason: string;
    /** Whether the device is in. */
    readonly member: boolean;
    /** Since when, in milliseconds since 1970. */
    readonly since?: number;
    /** Who is out must meet the rule `enter`; who is in must meet `stay`. */
    readonly decidedBy: "enter" | "stay";
    /** The rule, part by part. */
    readonly condition: Condition;
    /** What else keeps the device where it is, beside the rule. */
    readonly held?: Held;
    /** What decided, in one sentence for who wrote the segment. */
    readonly sentence: string;
    /** The same for the device's own person. */
    readonly visitor: string;
    /** The nearest change that would turn the answer; absent when a year of waiting and twelve events would not. */
    readonly nearest?: Nearest;
}
/** What keeps a device in or out, whatever the rule says. */
export interface Held {
    /** `ttl`: the membership ended by age, and the next one needs a new occasion. */
    readonly by: "minimum_stay" | "cool_down" | "ttl" | "group";
    /** Until when, in milliseconds since 1970, where that is known. */
    readonly until?: number;
    /** The segment of its group that holds. */
    readonly segment?: string;
}
/** The nearest change that would turn an answer. */
export type Nearest = {
    readonly kind: "event";
    readonly event: string;
    readonly title: string;
    /** How many more of them. */
    readonly times: number;
    /** What its number must come to each time, where that matters. */
    readonly amount?: number;
    /** From when on it would not be enough any more, in milliseconds since 1970. */
    readonly before?: number;
    readonly sentence: string;
} | {
    readonly kind: "time";
    readonly at: number;
    readonly sentence: string;
};
/** A part of a rule and whether it holds now. */
export type Condition = {
    readonly kind: "all" | "any";
    readonly holds: boolean;
    readonly parts: readonly Condition[];
} | {
    readonly kind: "at_least";
    readonly holds: boolean;
    readonly needed: number;
    readonly parts: readonly Condition[];
} | {
    readonly kind: "not";
    readonly holds: boolean;
    readonly part: Condition;
} | {
    readonly kind: "segment";
    readonly holds: boolean;
    readonly id: string;
    readonly title: string;
} | {
    readonly kind: "experiment";
    readonly holds: boolean;
    readonly id: string;
    readonly title: string;
    /** The device's arm; absent while it has none. */
    readonly arm?: string;
    /** The arms that pass. */
    readonly arms: readonly string[];
} | {
    readonly kind: "feature" | "model";
    readonly holds: boolean;
    readonly id: string;
    readonly title: string;
    /** The value now; absent when there is none yet. */
    readonly value?: number;
    /** What the value stands for, where it is the number of a label. */
    readonly label?: string;
    readonly op: "<" | "<=" | ">" | ">=" | "=" | "!=" | "between" | "in";
    /** What it is compared with: of `between` the lower bound, of `in` the first. */
    readonly threshold: number;
    /** All it is compared with, as people read it. */
    readonly thresholds: readonly string[];
    /** Of a model: what moves its score most, the strongest first. */
    readonly reasons?: readonly Reason[];
};
/** What a feature adds to a model's score. */
export interface Reason {
    readonly feature: string;
    /** By how much it moves the score: of a linear model weight times value, of others the Shapley value. */
    readonly adds: number;
    readonly sentence: string;
}

/**
 * The place to name your own events and segments:
 * `declare module "keepset" { interface Register { events: MyEvents; segments: "regular" | "new" } }`.
 */
export interface Register {
}
/** The properties of every event when none are registered. */
export type EventMap = Record<string, Record<string, Scalar> | undefined>;
type Registered<K extends PropertyKey, Default> = Register extends {
    [P in K]: infer Value;
} ? Value : Default;
/** The registered events, or any. */
export type Events = Registered<"events", EventMap>;
/** The properties of the registered event `traits`, or any. */
export type Traits = Events extends {
    traits: infer Known;
} ? NonNullable<Known> : Record<string, Scalar>;
/** What follows the name of an event: its properties, which may be left out where it can have none, and when it happened. */
export type EventArguments<K> = K extends keyof Events ? undefined extends Events[K] ? [properties?: Events[K], options?: TrackOptions] : [properties: Events[K], options?: TrackOptions] : [properties?: Record<string, Scalar>, options?: TrackOptions];
/** The registered segment ids, or any. */
export type SegmentId = Registered<"segments", string> & string;
/** What a client is made of. Only `pack` is needed. */
export interface Options {
    /**
     * The pack as `npx keepset compile` wrote it: its URL, or its bytes. Or as JSON: its URL, its text, or the object; then the
     * page also loads what reads it, which is larger than everything else it loads. What a URL gives is told by its bytes.
     */
    pack: string | URL | Uint8Array | ArrayBuffer | object;
    /** Where reports go. Left out, nothing can ever leave the device. */
    collector?: string | URL | CollectorOptions;
    /**
     * The address of a relay (Oblivious HTTP, RFC 9458). With one, the collector sees no address of a visitor: reports go through the relay,
     * sealed once more to a gateway key of the pack, and never directly.
     */
    relay?: string | URL;
    /** `"auto"` (the default) is IndexedDB in a page and memory elsewhere; `"memory"` writes nothing to disk, and what does not last makes no report. */
    storage?: "auto" | "memory" | StorageAdapter;
    /** Where the WebAssembly module is. By default: next to the script, then the copy inside the package. */
    wasm?: WasmSource | Promise<WasmSource>;
    /** The last look at every report before it is handed to the network; `null` drops it for good. */
    beforeSend?: (report: Report) => Report | null;
    /** Names the profile; clients of one name on one site share it. `"default"` when left out. */
    name?: string;
    /** Says once per kind what was wrong with a call: on the console, or to your logger. */
    debug?: boolean | Logger;
    /** Aborting is the same as `destroy()`. */
    signal?: AbortSignal;
    /** Another clock, for tests and demonstrations. */
    clock?: Clock;
    /** Where the engine runs, if not in the page itself: what `inWorker()` of `keepset/worker` returns. */
    runtime?: Runtime;
    /**
     * The engine as JavaScript, for browsers and policies that forbid WebAssembly: `nowasm: () => import("keepset/nowasm")`. It is called
     * there only.
     */
    nowasm?: () => Promise<{
        readonly engine: JavaScriptEngine;
    }>;
}
/** The engine as JavaScript: what `keepset/nowasm` exports. */
export interface JavaScriptEngine {
    readonly name: "js";
}
/** Where an engine runs. */
export interface Runtime {
    readonly name: string;
}
/** Everything a WebAssembly module can be read from. */
export type WasmSource = string | URL | Request | Response | ArrayBuffer | ArrayBufferView | WebAssembly.Module;
/** A collector with request headers, tokens or a transport of its own. */
export interface CollectorOptions {
    /** Its base URL. */
    url: string | URL;
    /** Headers added to every request. */
    headers?: Record<string, string>;
    /** Sends requests instead of `fetch`. */
    transport?: Transport;
    /** What reports are paid with, a stock of `keepset/tokens`; also through a relay. */
    tokens?: ReportTokens;
}
/** Pays for reports with tokens. */
export interface ReportTokens {
    /** Sends a report with a token by `send`, which is how it would have been sent without. */
    pay(request: TransportRequest, send: Transport): Promise<TransportAnswer>;
    /** What is kept of tokens on this device, for the person. */
    kept(): Promise<readonly KeptToken[]>;
}
/** A token as it is kept on the device. */
export interface KeptToken {
    /** As it is sent: random to everyone who sees it. */
    readonly token: string;
    /** From when on it may pay for a report; `null` when it has been given to one. */
    readonly from: string | null;
    /** When its key is over; `null` when it has been given to a report. */
    readonly until: string | null;
    /** SHA-256 of the sealed report that it pays for, as in the ledger; `null` while it waits. */
    readonly report: string | null;
}
/** Tells the time in milliseconds since 1970. */
export interface Clock {
    /** The time now. */
    now(): number;
    /** Tells the client when the clock was moved by hand, so that it looks again at once. */
    onJump?(listener: () => void): Unsubscribe;
}
/** Where the profile is kept. Every method may be slow; none may lose what it confirmed. */
export interface StorageAdapter {
    /** Reads a value. */
    get(key: string): Promise<Uint8Array | undefined>;
    /** Writes a value; resolves only when it is durable. */
    set(key: string, value: Uint8Array): Promise<void>;
    /** Removes a value and everything that hints at it. */
    delete(key: string): Promise<void>;
    /**
     * Writes `next` only while the stored value still is `expected` byte for byte, and says whether it did.
     * Without it the client reads, compares and writes, which is enough where only one process writes.
     */
    swap?(key: string, expected: Uint8Array | undefined, next: Uint8Array): Promise<boolean>;
    /**
     * Puts `bytes` behind the stored value only while that still ends with `last`, which is what was written before, and says
     * whether it did; `get` then reads all of it as one value. What an event changes is written this way, some hundred bytes
     * instead of the whole profile. Without it the client writes the whole value anew.
     */
    append?(key: string, last: Uint8Array, bytes: Uint8Array): Promise<boolean>;
}
/** One request to the collector. */
export interface TransportRequest {
    readonly url: string;
    /** What leaves: a `report` and a `label` are posted, an `erasure` is a `DELETE` with a body. */
    readonly kind: Report["kind"];
    readonly body: Uint8Array;
    readonly headers: Readonly<Record<string, string>>;
    readonly signal: AbortSignal;
}
/** Sends one request and says what came back. A rejected promise means "try the same bytes again later". */
export type Transport = (request: TransportRequest) => Promise<TransportAnswer>;
/** What the collector answered. */
export interface TransportAnswer {
    readonly outcome: Outcome;
    readonly status?: number;
    /** The collector's wish for how long to wait. */
    readonly retryAfterMs?: number;
    /** What a refusal is called (the `type` of RFC 9457). */
    readonly problem?: string;
}
/** Receives what `debug` has to say. */
export type Logger = (level: "warn" | "error", message: string, data?: unknown) => void;
/** How far a client is. `unsupported`: no WebAssembly here; every method still answers, with nothing. */
export type Status = "starting" | "ready" | "paused" | "unsupported" | "failed" | "destroyed";
/** One profile on this device. Every method may be called at once, before WebAssembly is there; none throws. */
export interface Keepset extends AsyncDisposable {
    /** The profile's name. */
    readonly name: string;
    /** How far the client is. */
    readonly status: Status;
    /** Why the client is `failed` or `unsupported`. */
    readonly error: KeepsetError | null;
    /** Settles once, also when the client failed: `await keepset.ready` needs no `try`. */
    readonly ready: Promise<Keepset>;
    /**
     * Tells the engine what happened. Only names and properties the pack declares are looked at; others are dropped and
     * counted, and `debug` names them. A value that breaks its declaration is an `error` event, and the event does not count.
     *
     * Returns at once; the event is looked at a moment later, in order, and stored at most a tenth of a second after that, or
     * when the page is left. At most 20,000 events wait; what comes on top is dropped, and an `error` event says how many.
     */
    track<K extends keyof Events & string>(event: K, ...rest: EventArguments<K>): void;
    /** Is `track("page_view", …)`. Of a page only what the pack declares is looked at; title and address are never asked for. */
    page(...rest: EventArguments<"page_view">): void;
    /**
     * Says what the page knows of this person: `setTraits({ plan: "pro" })` is `track("traits", { plan: "pro" })`. Features of kind `last` read it. A
     * trait that is left out keeps its value until it is said anew, `reset` forgets all. Like any event it stays on the device.
     */
    setTraits(traits: Partial<Traits>): void;
    /**
     * Goes on with the profile of an account, where several people share a device; `null` is the profile nobody is signed in to. Every profile has its
     * own choices, ledger and budget, and begins without consent. The key is hashed here, and neither it nor the hash ever leaves. What is tracked after
     * the call is the new profile's; the promise resolves when that can answer. Needs a page of `https:` or `localhost`, which can hash.
     */
    setProfile(key: string | null): Promise<void>;
    /** The segments the device is in: the same object until something changes. */
    getSnapshot(): Snapshot;
    /** Calls back after every change of the snapshot. */
    subscribe(listener: () => void): Unsubscribe;
    /** Says whether the device is in a segment now. */
    has(segment: SegmentId): boolean;
    /** Calls back at once when the device is in the segment, and each time it enters it. */
    whenIn(segment: SegmentId, listener: (membership: Membership) => void): Unsubscribe;
    /** Why the device is in a segment, or is not; `null` when the pack has no such segment. */
    explain(segment: SegmentId, options?: Cancellable): Promise<Explanation | null>;
    /** What these events would change, one after the other; nothing is kept of them. One of later is taken in then. */
    simulate(events: readonly WhatIf[], options?: Cancellable): Promise<readonly SegmentChange[]>;
    /** Every number worked out of events, as it is now. */
    features(options?: Cancellable): Promise<readonly FeatureValue[]>;
    /** The compiled pack that runs here, as add-ons read it; `null` while none does. */
    pack(options?: Cancellable): Promise<Uint8Array | null>;
    /** The person's choices. */
    readonly consent: Consent;
    /** What left this device, and what it cost. */
    readonly ledger: Ledger;
    /** Listens to an event until the returned function or the signal ends it. */
    on<K extends keyof ClientEvents>(type: K, listener: (event: ClientEvents[K]) => void, options?: {
        once?: boolean;
        signal?: AbortSignal;
    }): Unsubscribe;
    /** The next report, byte for byte, without sending it; `null` when none is waiting. */
    preview(options?: Cancellable): Promise<Report | null>;
    /** Sends what is due now instead of a little later. */
    flush(options?: Cancellable): Promise<FlushResult>;
    /** Stops listening to `track` and stops sending, until `resume`. */
    pause(): void;
    /** Goes on after `pause`. */
    resume(): void;
    /** Everything held about this person on this device. */
    exportData(options?: Cancellable): Promise<DeviceData>;
    /** What the client costs this page, where `budgeted()` of `keepset/stats` counts it; `null` where nothing does. */
    stats(options?: Cancellable): Promise<Stats | null>;
    /** Forgets everything derived from events and the unsent report. Choices and spent budget stay. */
    reset(): Promise<void>;
    /** Forgets everything, choices and ledger included, and deletes the databases. */
    deleteAll(): Promise<void>;
    /** Ends the client; what is stored stays. */
    destroy(): Promise<void>;
}
/** An operation that can be given up. */
export interface Cancellable {
    signal?: AbortSignal;
}
/** When an event happened, if not now, and what names it. */
export interface TrackOptions {
    at?: Date | number;
    /** A text of at most 200 characters that names this event: if it comes again, it counts once. Only its hash is kept. */
    id?: string;
}
/** An event that might happen, now or at another time. */
export interface WhatIf {
    name: string;
    properties?: Record<string, Scalar>;
    at?: Date | number;
}
/** The segments at one moment. */
export interface Snapshot {
    readonly status: Status;
    readonly segments: readonly Membership[];
    /** When this snapshot was made, in milliseconds since 1970; 0 before there is an answer. */
    readonly updatedAt: number;
}
/** What `on` can listen to. */
export interface ClientEvents {
    /** The client can answer, or knows that it never will. */
    ready: {
        readonly client: Keepset;
    };
    /**
     * Segments were entered or left since the last snapshot. `reasons` says of each step what made it so, in order: a segment that
     * was entered and left in one go is only there. What held before the client began has no reason.
     */
    change: {
        readonly snapshot: Snapshot;
        readonly entered: readonly SegmentId[];
        readonly left: readonly SegmentId[];
        readonly reasons: readonly SegmentChange[];
    };
    /** A segment was entered: after `change`, once for each of its `entered`. */
    enter: {
        readonly segment: SegmentId;
        readonly membership: Membership;
    };
    /** A segment was left: after `change`, once for each of its `left`. */
    exit: {
        readonly segment: SegmentId;
        readonly at: number;
    };
    /** A choice is in effect: what it forbids has ended and what it erases is gone. */
    consent: {
        readonly state: ConsentState;
    };
    /** A report was handed to the collector, or refused by it or by `beforeSend`. */
    report: {
        readonly report: Report;
        readonly outcome: Outcome;
        readonly at: number;
    };
    /** Something went wrong; the page goes on. */
    error: KeepsetError;
}
/** What sending came to. */
export interface FlushResult {
    /** Reports the collector confirmed. */
    readonly sent: number;
    /** Reports still waiting. */
    readonly queued: number;
    /** Why there was nothing to send, or why it was not sent. */
    readonly skipped?: Withheld;
}
/** What a client costs, in the tab that holds the engine, since that was opened; events, stored and sent bytes are the profile's own. */
export interface Stats {
    /** What the engine runs as. */
    readonly backend: "wasm" | "js" | "worker";
    /** Events taken in. */
    readonly events: number;
    /** What was not taken in, stored or sent: how often each code of an error was told; events of no declaration; events that had come before. */
    readonly refused: Readonly<Record<string, number>>;
    /** Milliseconds for which events and questions kept the page's thread, without what listeners did. In a worker it is the handing over. */
    readonly mainThreadMs: number;
    /** Events that had to wait until the page was idle. */
    readonly deferred: number;
    /** Calls that wait for that now. */
    readonly waiting: number;
    /** Bytes of the stored profile. */
    readonly storedBytes: number;
    /** Bytes that left within the last 28 days, every attempt counted. */
    readonly sentBytes: number;
    /** The last report that was made. */
    readonly lastReport: {
        readonly at: number;
        readonly outcome: LedgerEntry["outcome"];
        readonly bytes: number;
    } | null;
    /** What holds back what is due. */
    readonly held: "over_budget" | "saves_data" | null;
}
/** The person's choices, and the only way to change them. */
export interface Consent {
    /** The choices now. */
    get(): ConsentState;
    /**
     * Takes a choice. A refusal stops what it forbids at once; the promise resolves when what it erases is gone
     * from memory and disk. It never rejects. `signal` says where a yes comes from, for a page that asks a consent platform itself;
     * labels carry the one by which sharing was granted. Left out, or anything else, it is `"page"`.
     */
    set(choice: {
        readonly [P in Purpose]?: Exclude<Choice, "pending">;
    }, signal?: GrantedBy): Promise<void>;
    /**
     * Asked immediately before a report or labels are handed to the network, if it is there: `keepset/consent` sets it, and so may a page
     * that asks a consent platform itself. Without a `true` within two seconds nothing leaves; what waits is asked about again later. An
     * erasure is not asked about.
     */
    confirm?: (purpose: Report["purpose"]) => boolean | Promise<boolean>;
    /** Calls back when a choice is in effect. */
    onChange(listener: (state: ConsentState) => void): Unsubscribe;
}
/** What left this device, what it cost, and what waits. */
export interface Ledger {
    /**
     * Everything that was to leave this device, newest last: a chain of receipts, and what became of each. The oldest beyond 64 are forgotten. `since`
     * leaves out what is older, in milliseconds since 1970; `limit` all but so many of the newest.
     */
    list(options?: Cancellable & {
        since?: number;
        limit?: number;
    }): Promise<readonly LedgerEntry[]>;
    /** The privacy budget: what is spent and what is allowed; `null` when the pack reports nothing. */
    budget(options?: Cancellable): Promise<Budget | null>;
    /** What happens next: why no report is waiting, or that one is. */
    next(options?: Cancellable): Promise<{
        readonly state: "queued" | Withheld;
        readonly lookAgainAt?: number;
    }>;
    /** The ledger as a JSON file, to keep or to hand to an auditor: `keepset audit verify` holds captured traffic to it. */
    export(options?: Cancellable): Promise<Blob>;
}
/** Everything held about this person on this device. */
export interface DeviceData {
    readonly exportedAt: string;
    readonly name: string;
    readonly consent: ConsentState;
    /** The segments the device is in, with the date in words. */
    readonly memberships: readonly (Membership & {
        readonly sinceDate: string;
    })[];
    /** Every number worked out of events. */
    readonly features: readonly FeatureValue[];
    /** What became of the events; `null` before there is an engine. */
    readonly intake: Intake | null;
    /** What left, with the date in words. */
    readonly ledger: readonly (LedgerEntry & {
        readonly atDate: string;
    })[];
    readonly budget: Budget | null;
    readonly waiting: Report | null;
    /** The stored profile as it lies on disk, in base64; `null` while nothing is stored. */
    readonly stored: string | null;
    /** The tokens that reports are paid with, where the client has a stock of them. */
    readonly tokens: readonly KeptToken[];
}

/** The version of this package. */
export declare const version: string;

/** Starts the client of a name, or returns the one there is. Returns at once and never throws. */
export declare const init: (options: Options) => Keepset;
/** Starts a client of its own, for tests and for pages with several profiles. Returns at once and never throws. */
export declare const createClient: (options: Options) => Keepset;
/** Says whether segments can be computed here; a content security policy may still forbid it. */
export declare const isSupported: () => boolean;
