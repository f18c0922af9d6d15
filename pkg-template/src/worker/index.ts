// `keepset/worker`: the engine of a client in a worker of its own, so that the page's thread computes nothing.
import type { Runtime } from "../types.js";
import { crossing } from "./crossing.js";
import { Remote } from "./remote.js";

/** Where the worker's script is. */
export interface WorkerOptions {
  /** The address of `worker-engine.js`, or what starts it. By default beside this script, where a bundler puts it. */
  worker?: string | URL | (() => Worker);
}

/**
 * Makes the option `runtime`: `init({ pack, runtime: inWorker() })`. The client is the same in every other way. Where no worker can be
 * started, or an option is a function of the page (`beforeSend`, a storage adapter, a transport, tokens), the engine is in the page, as without it.
 */
export function inWorker({ worker }: WorkerOptions = {}): Runtime {
  const start = (): Worker => {
    if (typeof worker === "function") return worker();
    // Written out in full: bundlers look for exactly this form.
    return worker === undefined ? new Worker(new URL("./worker-engine.js", import.meta.url), { type: "module" }) : new Worker(worker, { type: "module" });
  };
  return {
    name: "worker",
    async open(here, options, settings, tell, fail) {
      const found = await crossing(options, settings.name);
      const remote = found && new Remote(start, found, settings.clock, settings.confirm, tell, fail);
      return (await remote?.opened) ? (remote as Remote) : here(settings, tell, fail);
    },
  };
}
