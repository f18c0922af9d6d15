import type { Cancellable, Keepset, WasmSource } from "./index.js";
/** Why a variant is shown. `default`: nothing is learned, for want of consent, of chance to draw by, or of a context. */
export type ChosenFor = "default" | "holdout" | "explore" | "exploit";
/** What to show. */
export interface Chosen {
    readonly variant: string;
    readonly reason: ChosenFor;
}
/** How to choose. */
export interface ChooseOptions extends Cancellable {
    /** Where `choose.wasm` comes from; left out, the copy inside the package is taken. Where WebAssembly is forbidden, the same runs as JavaScript. */
    wasm?: WasmSource | Promise<WasmSource>;
}
/**
 * Returns the variant of a choice that the pack declares; the same until its round is over. `null` when the pack has no such choice, or
 * nothing can be computed here: show then what the page shows by itself.
 *
 * Without consent to `segmentation` and `storage` it is the default, and nothing is kept.
 */
export declare function choose(client: Keepset, choice: string, options?: ChooseOptions): Promise<Chosen | null>;
