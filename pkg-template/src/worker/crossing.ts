// The options of a client as a worker can take them.
import type { Options } from "../types.js";
import type { Crossing } from "./messages.js";

/** Returns what crosses; nothing where an option is code of the page, which the engine has to be beside. */
export async function crossing(options: Options, name: string): Promise<Crossing | undefined> {
  const { pack, collector, relay, storage = "auto", beforeSend } = options;
  const given = typeof collector === "string" || collector instanceof URL ? { url: collector } : collector;
  const wasm = await options.wasm;
  if (beforeSend || given?.transport || given?.tokens || typeof storage === "object" || wasm instanceof Response || wasm instanceof Request) return undefined;
  return {
    name,
    storage,
    // JSON text of a pack begins with a brace; no address does.
    pack: pack instanceof URL || (typeof pack === "string" && !pack.trimStart().startsWith("{")) ? whole(pack) : pack,
    ...(given ? { collector: { ...given, url: whole(given.url) } } : {}),
    ...(relay ? { relay: whole(relay) } : {}),
    ...(options.nowasm ? { js: true } : {}),
    ...(wasm ? { wasm: typeof wasm === "string" || wasm instanceof URL ? whole(wasm) : wasm } : {}),
  };
}

/** An address as the page means it: a worker's own is another. */
const whole = (address: string | URL): string => new URL(address, location.href).href;
