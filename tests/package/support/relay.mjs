// A relay of Oblivious HTTP (RFC 9458): it knows who sends and not what. One gateway, one address, no log.
//
//     node relay.mjs --gateway https://reports.example.com/v1/oblivious [--listen 127.0.0.1:8788]
//
// TLS is for what stands before it, which must not write down addresses either.
import { once } from "node:events";
import { createServer, request as http } from "node:http";
import { request as https } from "node:https";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

import { ending } from "./ending.mjs";

/** What a device sends is far shorter. */
const MAX_BODY = 16 * 1024;
const TIMEOUT_MS = 15_000;
const CORS = { "access-control-allow-origin": "*", "access-control-allow-headers": "content-type", "access-control-allow-methods": "POST", "access-control-max-age": "86400" };
/** What of the gateway's answer goes on to the device. */
const PASSED = ["content-type", "retry-after"];

/** Starts a relay to a gateway; `localAddress` is the address it calls from, where it has several. */
export async function relay(gateway, { host = "127.0.0.1", port = 0, localAddress } = {}) {
  const server = createServer(async (incoming, outgoing) => {
    const end = (status, headers = {}, body = "") => outgoing.writeHead(status, { ...CORS, ...headers }).end(body);
    try {
      if (incoming.method === "OPTIONS") return end(204);
      if (incoming.method !== "POST") return end(405, { allow: "POST" });
      if (incoming.headers["content-type"] !== "message/ohttp-req") return end(415);
      const body = await read(incoming);
      if (!body) return end(413, { connection: "close" });
      const { status, headers, content } = await forward(gateway, body, localAddress);
      end(status, Object.fromEntries(PASSED.filter((name) => headers[name]).map((name) => [name, headers[name]])), content);
    } catch {
      if (!outgoing.headersSent) end(502);
    }
  });
  server.listen(port, host);
  await once(server, "listening");
  const { address, port: taken } = server.address();
  return {
    url: `http://${address}:${taken}/`,
    port: taken,
    close: ending(async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    }),
  };
}

/** Reads a body; nothing of one that is too long. */
async function read(stream) {
  const chunks = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > MAX_BODY) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Sends the same bytes on, and with them what every request says and nothing of whom they come from. */
async function forward(gateway, body, localAddress) {
  const open = gateway.startsWith("https:") ? https : http;
  const headers = { "content-type": "message/ohttp-req", "content-length": body.length };
  const request = open(gateway, { method: "POST", headers, localAddress, timeout: TIMEOUT_MS, agent: false });
  request.on("timeout", () => request.destroy(new Error("the gateway takes too long")));
  request.end(body);
  const [answer] = await once(request, "response");
  return { status: answer.statusCode, headers: answer.headers, content: await read(answer) };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const { values } = parseArgs({ options: { gateway: { type: "string" }, listen: { type: "string", default: "127.0.0.1:8788" } } });
  if (!values.gateway) throw new Error("usage: node relay.mjs --gateway URL [--listen HOST:PORT]");
  const at = values.listen.lastIndexOf(":");
  const { url } = await relay(values.gateway, { host: values.listen.slice(0, at), port: Number(values.listen.slice(at + 1)) });
  console.log(`relay on ${url} for ${values.gateway}`);
}
