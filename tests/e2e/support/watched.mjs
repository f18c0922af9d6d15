// Someone who stands before a collector and writes down all that reaches it.
import { request as http } from "node:http";

import { serve } from "../../package/support/server.mjs";

/** Hands everything on to the collector; `requests` has what came, from where and with what headers. */
export async function watched({ url }) {
  const requests = [];
  return serve(requests, async (request, out) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    requests.push({ method: request.method, url: request.url, headers: request.headers, address: request.socket.remoteAddress, body });
    http(url + request.url, { method: request.method, headers: request.headers }, (answer) => answer.pipe(out.writeHead(answer.statusCode, answer.headers))).end(body);
  });
}
