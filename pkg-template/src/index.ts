// Keepset in a page: the modules beside this script, else the copies inside the package.
import { besideScript } from "./beside.js";
import { api } from "./start.js";
import type { Keepset, Options } from "./types.js";

export * from "./surface.js";
export { version } from "./version.js";

const functions = api(besideScript);

/** Starts the client of a name, or returns the one there is. Returns at once and never throws. */
export const init: (options: Options) => Keepset = functions.init;
/** Starts a client of its own, for tests and for pages with several profiles. Returns at once and never throws. */
export const createClient: (options: Options) => Keepset = functions.createClient;
/** Says whether segments can be computed here; a content security policy may still forbid it. */
export const isSupported: () => boolean = functions.isSupported;
