import type { Outcome } from "../dto.js";
import type { Transport, TransportAnswer } from "../types.js";

/** The content type of one or many sealed reports; `crates/wire` holds the same text. */
export const CONTENT_TYPE = "application/vnd.keepset.sealed-reports";

const TIMEOUT_MS = 20_000;

/** Sends with `fetch`: no cookies, no referrer, no redirects, and on its way even if the page closes. */
export const fetchTransport: Transport = async ({ url, body, headers, signal }) => {
  const deadline = new AbortController();
  const abort = (): void => deadline.abort();
  const timeout = setTimeout(abort, TIMEOUT_MS);
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  try {
    const response = await fetch(url, {
      method: "POST",
      // A view of its own buffer: some servers of polyfilled `fetch` send the whole buffer of a shared one.
      body: body.slice(),
      headers: { ...headers, "content-type": CONTENT_TYPE },
      credentials: "omit",
      referrerPolicy: "no-referrer",
      redirect: "error",
      cache: "no-store",
      keepalive: true,
      mode: "cors",
      signal: deadline.signal,
    });
    return await read(response);
  } finally {
    clearTimeout(timeout);
    signal.removeEventListener("abort", abort);
  }
};

/**
 * Only words of the collector itself count: a hotel's login page that answers 200 has confirmed nothing, and a
 * proxy's 403 has refused nothing.
 */
async function read(response: Response): Promise<TransportAnswer> {
  const type = response.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  const wait = Number(response.headers.get("retry-after"));
  const answer = (outcome: Outcome): TransportAnswer => ({
    outcome,
    status: response.status,
    ...(wait > 0 ? { retryAfterMs: wait * 1000 } : {}),
  });
  if (response.ok && type === "application/json") {
    const counts = (await response.json()) as { accepted?: unknown; known?: unknown };
    const sum = Number(counts.accepted) + Number(counts.known);
    return answer(sum === 1 ? "accepted" : "failed");
  }
  const final = response.status >= 400 && response.status < 500 && ![408, 425, 429].includes(response.status);
  return answer(final && type === "application/problem+json" ? "refused" : "failed");
}
