import type { Withheld } from "./index.js";
import type { Keepset } from "./index.js";
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
/** On a server there are no elements; importing this does nothing there. */
declare const Base: typeof HTMLElement;
/** `<keepset-ledger>`. Set `client`; everything else is optional. It follows the page's language, colours and font. */
export declare class KeepsetLedger extends Base {
    #private;
    /** The client whose ledger is shown. */
    get client(): Keepset | null;
    set client(client: Keepset | null);
    /** The public plan, for the reasons and the owner: as a pack holds it, or as `GET /v1/plan` of the collector gives it. */
    get plan(): ShownPlan | null;
    set plan(plan: ShownPlan | null);
    /** Texts in place of the English ones; also as JSON in the attribute `texts`. */
    get texts(): Partial<LedgerTexts>;
    set texts(texts: Partial<LedgerTexts>);
    static get observedAttributes(): string[];
    /** Looks again, and resolves when what is shown is of now. */
    refresh(): Promise<void>;
}
declare global {
    interface HTMLElementTagNameMap {
        "keepset-ledger": KeepsetLedger;
    }
}
export {};
