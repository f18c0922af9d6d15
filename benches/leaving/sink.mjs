// A server of this machine that takes whatever a tracker sends, answers as the tracker expects, and counts what came over the wire.
import { gunzipSync } from "node:zlib";

import { serve } from "../../tests/package/support/server.mjs";

/** Starts one. `answers` gives by the beginning of a path what is answered there. */
export async function sink(answers = {}) {
  const requests = [];
  return serve(requests, async (request, response) => {
    const cors = { "access-control-allow-origin": request.headers.origin ?? "*", "access-control-allow-credentials": "true", "access-control-allow-headers": request.headers["access-control-request-headers"] ?? "*", "access-control-allow-methods": "*" };
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const path = new URL(request.url, "http://x").pathname;
    const answer = Object.entries(answers).find(([beginning]) => path.startsWith(beginning))?.[1];
    // The question whether a request may be made is the browser's, and says nothing of the person.
    if (request.method !== "OPTIONS") requests.push(seen(request, Buffer.concat(chunks)));
    response.writeHead(200, { "content-type": "application/json", ...cors }).end(JSON.stringify(answer ?? {}));
  });
}

/** A request: its body, and how many bytes it was with its address and headers, as HTTP/1.1 writes them. */
function seen({ method, url, rawHeaders }, body) {
  const line = `${method} ${url} HTTP/1.1\r\n`;
  const headers = rawHeaders.reduce((sum, text) => sum + Buffer.byteLength(text) + 2, 2);
  return { method, url, body, bytes: line.length + headers + body.length };
}

/** Resolves when nothing has come for so long. */
export async function quiet({ requests }, forMs) {
  for (let before = -1; before !== requests.length; ) {
    before = requests.length;
    await new Promise((resolve) => setTimeout(resolve, forMs));
  }
}

/** A body as its tracker wrote it, before it was made small. */
export const opened = (body) => (body[0] === 0x1f && body[1] === 0x8b ? gunzipSync(body) : body).toString("utf8");
