import type { Cancellable, Keepset, WasmSource } from "./index.js";
/** A score for this person, in log-odds. */
export interface Adapted {
    /** The score to go by: `shipped + moved`. */
    readonly score: number;
    /** The score of the model as it is shipped, which segments and reports go by. */
    readonly shipped: number;
    /** What this person's own history adds. */
    readonly moved: number;
    /** From so many outcomes. */
    readonly learned: number;
    /** The same in words. */
    readonly because: string;
}
/** How to adapt. */
export interface AdaptOptions extends Cancellable {
    /** Where `adapt.wasm` comes from; left out, the copy inside the package is taken. Where WebAssembly is forbidden, the same runs as JavaScript. */
    wasm?: WasmSource | Promise<WasmSource>;
}
/**
 * Returns the score of a model for this person. What an earlier score foretold is learned from when its time is over, once, whatever page asks and in whatever tab.
 * `null` when no model of this name adapts, or nothing can be computed here.
 *
 * Without consent to `segmentation` nothing is computed, without consent to `storage` it is the shipped score, and nothing is kept.
 */
export declare function adapt(client: Keepset, model: string, options?: AdaptOptions): Promise<Adapted | null>;
/** Forgets what was learned of this person: the score is the shipped one again, to the bit. */
export declare function reset(client: Keepset, model: string, options?: AdaptOptions): Promise<void>;
