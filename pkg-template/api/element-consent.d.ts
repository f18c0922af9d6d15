import type { Purpose } from "./index.js";
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
/** Every text of the element; one left out of a translation stays English. */
export interface ConsentTexts {
    title: string;
    /** What each purpose is called, and what it means for the person. */
    name: {
        [P in Purpose]: string;
    };
    says: {
        [P in Purpose]: string;
    };
    all: string;
    none: string;
    /** Said when a choice is in effect. */
    done: string;
    /** Said when a yes has no effect, because something else denies it. */
    kept: string;
    /** Segments cannot be worked out in this browser, so there is nothing to choose. */
    unavailable: string;
}
/** `<keepset-consent>`, a switch for every purpose: what it shows is what is in effect. */
export declare class KeepsetConsent extends KeepsetElement<ConsentTexts> {
    #private;
    constructor();
    static get observedAttributes(): string[];
    /** The purposes that are asked for, all when there is no attribute `purposes`: `<keepset-consent purposes="segmentation storage">`. */
    get purposes(): readonly Purpose[];
    set purposes(purposes: readonly Purpose[]);
}
declare global {
    interface HTMLElementTagNameMap {
        "keepset-consent": KeepsetConsent;
    }
}
