// A collector's front door, as far as a device can tell: it keeps what arrives, byte for byte.
import { serve } from "./server.mjs";

/** Starts one on a port of its own. `answers` are given in order, then "accepted". */
export async function collector(answers = []) {
  const requests = [];
  return serve(requests, async (request, response) => {
    const cors = { "access-control-allow-origin": "*", "access-control-allow-headers": "content-type", "access-control-allow-methods": "POST, DELETE" };
    if (request.method === "OPTIONS") return response.writeHead(204, cors).end();
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    requests.push({ method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(chunks) });
    const [status, type, body, more = {}] = answers.shift() ?? [200, "application/json", '{"accepted":1,"known":0}'];
    response.writeHead(status, { "content-type": type, ...cors, ...more }).end(body);
  });
}
