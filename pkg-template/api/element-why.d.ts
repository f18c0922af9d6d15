import type { SegmentId } from "./index.js";
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
export interface WhyTexts {
    /** For who is in: `{sentence}` is the engine's, `{title}` and `{reason}` the pack's, `{date}` since when. */
    in: string;
    /** The same for who is not. */
    out: string;
    since: string;
    /** Segments are not worked out, for that is not allowed. */
    off: string;
    /** There is no answer, or not yet. */
    unknown: string;
    met: string;
    notMet: string;
    /** `{needs}`: what a condition asks for, as `ops` says it. */
    needs: string;
    /** There is no value yet. */
    none: string;
    all: string;
    any: string;
    /** `{needed}` of them. */
    atLeast: string;
    /** Of a condition that is another segment. */
    member: string;
    notMember: string;
    /** What is asked: `{first}` and `{second}` threshold, or `{list}` of them. */
    ops: {
        [op in Asked]: string;
    };
    /** What keeps someone in or out beside the rule, `{date}` until when, `{segment}` the one that comes first. */
    held: {
        minimum_stay: string;
        cool_down: string;
        ttl: string;
        group: string;
    };
    /** What would turn the answer: `{sentence}` is the engine's; `{title}` of an event, how many `{times}`, each of `{amount}`. */
    event: string;
    /** The same of waiting until `{date}`. */
    time: string;
    nothing: string;
}
/** How a value is asked for; the last two are what must not be. */
export type Asked = "<" | "<=" | ">" | ">=" | "=" | "!=" | "between" | "in" | "outside" | "none";
/** `<keepset-why segment="vip">`, why the person is in a segment or not, and what would change that. */
export declare class KeepsetWhy extends KeepsetElement<WhyTexts> {
    #private;
    constructor();
    static get observedAttributes(): string[];
    /** The segment's id in the pack. */
    get segment(): SegmentId;
    set segment(segment: SegmentId);
}
declare global {
    interface HTMLElementTagNameMap {
        "keepset-why": KeepsetWhy;
    }
}
