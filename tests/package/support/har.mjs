// Captured traffic as a HAR 1.2 file, as a browser or a proxy writes it.

/** Makes a HAR file of requests: `{ method, url, headers, body?: Buffer }`. Bodies of bytes are written in base64. */
export function har(requests) {
  const entries = requests.map(({ method, url, headers, body }) => ({
    startedDateTime: new Date(0).toISOString(),
    time: 0,
    request: {
      method,
      url,
      httpVersion: "HTTP/1.1",
      cookies: [],
      headers: Object.entries(headers).map(([name, value]) => ({ name, value: String(value) })),
      queryString: [],
      headersSize: -1,
      bodySize: body?.length ?? 0,
      ...(body?.length > 0 ? { postData: { mimeType: headers["content-type"] ?? "", text: body.toString("base64"), encoding: "base64" } } : {}),
    },
    response: { status: 0, statusText: "", httpVersion: "HTTP/1.1", cookies: [], headers: [], content: { size: 0, mimeType: "" }, redirectURL: "", headersSize: -1, bodySize: -1 },
    cache: {},
    timings: { send: 0, wait: 0, receive: 0 },
  }));
  return JSON.stringify({ log: { version: "1.2", creator: { name: "keepset tests", version: "1" }, entries } }, null, 1);
}

/** What a collector's front door saw, as requests to it. */
export const seen = (front) => front.requests.map((request) => ({ ...request, url: front.url + request.url }));

/** Writes down every request of a page of Chromium, with its body, from now on; returns what lists them as they went over the wire. */
export function watch(page) {
  const requests = [];
  page.on("request", (request) => requests.push(request));
  // The headers a page is told of first are not yet those that travel.
  return () => Promise.all(requests.map(async (request) => ({ method: request.method(), url: request.url(), headers: await request.allHeaders(), body: request.postDataBuffer() ?? undefined })));
}
