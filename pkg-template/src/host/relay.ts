// Through a relay (RFC 9458): what leaves is sealed to the collector's gateway once more, so that the relay sees an address and no
// request, and the collector a request and no address. `build.mjs` puts this beside the glue of the report part.
import { decapsulate, encapsulate } from "../report.js";
import type { Transport } from "../types.js";
import { answer, methodOf, read, send, typeFor, typeOf } from "./transport.js";

/**
 * Sends through the relay at this address to the gateway of this pack, encapsulated anew each time. What is no answer of the gateway to
 * this very request, the relay's own words among it, is no answer: the same report is sent again later. Nothing here ever sends directly.
 */
export const through = (relay: string, pack: Uint8Array, now: number): Transport => async ({ url, kind, body, headers, signal }) => {
  const { protocol, host, pathname, search } = new URL(url);
  const head = [methodOf(kind), protocol.slice(0, -1), host, pathname + search, typeFor(kind), headers["authorization"] ?? ""].join("\n");
  const [request, exchange] = encapsulate(pack, now, new TextEncoder().encode(head), body);
  return send("POST", relay, request, { "content-type": "message/ohttp-req" }, signal, async (response) => {
    const whole = new Uint8Array(await response.arrayBuffer());
    const inside = response.ok && typeOf(response) === "message/ohttp-res" ? decapsulate(exchange, whole) : undefined;
    if (!inside) return answer(response, "failed");
    const [status, type, wait, content] = inside;
    const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
    return read(new Response(content, { status, headers: { "content-type": text(type), "retry-after": text(wait) } }));
  });
};
