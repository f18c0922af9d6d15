import type { Unsubscribe } from "./index.js";
import type { Clock, Keepset, StorageAdapter, WasmSource } from "./index.js";
/** Where copies are kept. */
export interface RestoreOptions {
    /** Where the site's own server takes a copy, gives it back and deletes it. */
    url: string | URL;
    /** Minutes from one copy to the next; 10 when left out. A page that is hidden copies what is left after a minute. */
    every?: number;
    /** Headers of the requests, such as one against forged ones. */
    headers?: Record<string, string>;
    /** The client's name, if it has one of its own. */
    name?: string;
    /** Where the profile itself is kept: as the client's option. */
    storage?: "auto" | StorageAdapter;
    /** Where `restore.wasm` comes from; left out, the copy inside the package is taken. Where WebAssembly is forbidden, the same runs as JavaScript. */
    wasm?: WasmSource | Promise<WasmSource>;
    /** Another clock, for tests. */
    clock?: Clock;
}
/** A storage that is copied, and what became of it. */
export interface Restorable {
    /** For the option of that name: `init({ storage: copies.storage })`. */
    readonly storage: StorageAdapter;
    /** Copies the profile of this client and puts it back where it was lost. Nothing is copied or asked for before. Returns what ends that. */
    follow(client: Keepset): Unsubscribe;
    /** Copies now what is not copied yet. */
    copy(): Promise<void>;
    /** `restored`: this profile goes on from a copy. `refused`: there was one that could not be had or verified, so this is a new device's. */
    readonly outcome: "none" | "restored" | "refused";
}
/** Makes a storage that is copied. */
export declare function restorable(options: RestoreOptions): Restorable;
