import type { Withheld } from "./index.js";
import type { Keepset } from "./index.js";
/** On a server there are no elements; importing this does nothing there. */
declare const Base: typeof HTMLElement;
/** Texts in the place of some of an element's own, or of some of those that belong together. */
type Translation<Texts> = {
    [K in keyof Texts]?: Texts[K] extends object ? Partial<Texts[K]> : Texts[K];
};
/** Set `client`; everything else is optional. It follows the page's language, colours and font. */
declare abstract class KeepsetElement<Texts extends object> extends Base {
    #private;
    /** The client that is shown. */
    get client(): Keepset | null;
    set client(client: Keepset | null);
    /** Texts in place of the English ones; also as JSON in the attribute `texts`. */
    get texts(): Translation<Texts>;
    set texts(texts: Translation<Texts>);
    static get observedAttributes(): string[];
    /** Looks again, and resolves when what is shown is of now. */
    refresh(): Promise<void>;
}
/** Every text of the element. `{…}` is filled in; a text left out of a translation stays English. */
export interface LedgerTexts {
    title: string;
    /** `{reports}` that left, and their `{bytes}`. */
    total: string;
    /** How many `{times}` labels or their erasure left, and their `{bytes}`; shown only where they did. */
    shared: string;
    perReport: string;
    perWindow: string;
    perYear: string;
    /** `{spent}` of `{limit}`. */
    spent: string;
    /** What the three numbers mean. `{times}` is `e` to the price of a report. */
    meaning: string;
    left: string;
    nothingLeft: string;
    waits: string;
    nothingWaits: string;
    /** `{date}`: until then it may leave. */
    ready: string;
    stop: string;
    stopSays: string;
    withdraw: string;
    withdrawn: string;
    take: string;
    export: string;
    exportSays: string;
    /** What became of a line of the ledger. */
    outcome: {
        waiting: string;
        accepted: string;
        refused: string;
        withdrawn: string;
        expired: string;
    };
    why: string;
    /** Where the plan is not given. */
    whyUnknown: string;
    /** Why labels left, and what takes them back. */
    label: string;
    erasure: string;
    who: string;
    /** `{owner}` of the plan. */
    whoSays: string;
    ownerUnknown: string;
    cost: string;
    consent: string;
    /** `{date}`. */
    since: string;
    mechanism: string;
    bytes: string;
    bytesGone: string;
    receipt: string;
    /** Why nothing waits, by code. */
    withheld: {
        [code in Withheld]?: string;
    };
}
/** A plan as it is published, as far as it is shown. */
export interface ShownPlan {
    readonly owner?: string;
    readonly reason?: string;
    readonly questions?: readonly {
        readonly id: string;
        readonly reason?: string;
    }[];
}
/** `<keepset-ledger>`, the ledger of a client. */
export declare class KeepsetLedger extends KeepsetElement<LedgerTexts> {
    #private;
    constructor();
    /** The public plan, for the reasons and the owner: as a pack holds it, or as `GET /v1/plan` of the collector gives it. */
    get plan(): ShownPlan | null;
    set plan(plan: ShownPlan | null);
}
declare global {
    interface HTMLElementTagNameMap {
        "keepset-ledger": KeepsetLedger;
    }
}
