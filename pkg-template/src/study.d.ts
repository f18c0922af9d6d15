// The glue that wasm-bindgen writes beside `study.wasm`: what a page needs seldom. `build.mjs` makes it a file of its own,
// loaded when it is asked for; the workspace's `src/study.rs` is its source.
import type { EventInput, Explanation, SegmentChange } from "./dto.js";

/** Instantiates the module. Called again, it binds all of this to another instance. */
export function initSync(options?: { module: WebAssembly.Module }): unknown;

/** Compiles a pack that is JSON; a mistake is thrown with its path. */
export function compile(pack: string): Uint8Array;

/** Explains a segment to which an engine of this pack came, by a copy of its state. */
export function explain(pack: Uint8Array, state: Uint8Array, zone: Float64Array, segment: string, now: number): Explanation | undefined;

/** Says what events would change, on a copy of an engine's state. */
export function simulate(pack: Uint8Array, state: Uint8Array, zone: Float64Array, events: readonly EventInput[], now: number): SegmentChange[];
