import type { Runtime } from "./index.js";
/** Where the worker's script is. */
export interface WorkerOptions {
    /** The address of `worker-engine.js`, or what starts it. By default beside this script, where a bundler puts it. */
    worker?: string | URL | (() => Worker);
}
/**
 * Makes the option `runtime`: `init({ pack, runtime: inWorker() })`. The client is the same in every other way. Where no worker can be
 * started, or an option is a function of the page (`beforeSend`, a storage adapter, a transport, tokens), the engine is in the page, as without it.
 */
export declare function inWorker({ worker }?: WorkerOptions): Runtime;
