import type { Outcome } from "../dto.js";
import type { Transport, TransportAnswer } from "../types.js";

/** The content type of one or many sealed reports; `crates/wire` holds the same text. */
export const CONTENT_TYPE = "application/vnd.keepset.sealed-reports";

const TIMEOUT_MS = 20_000;

/** Sends with `fetch`. */
export const fetchTransport: Transport = ({ url, body, headers, signal }) => post(url, body, { ...headers, "content-type": CONTENT_TYPE }, signal, read);

/** Posts and reads the answer in time: no cookies, no referrer, no redirects, and on its way even if the page closes. */
export async function post<T>(url: string, body: Uint8Array, headers: Record<string, string>, signal: AbortSignal, read: (response: Response) => Promise<T>): Promise<T> {
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
      headers,
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
}

/**
 * Only words of the collector itself count: a hotel's login page that answers 200 has confirmed nothing, and a
 * proxy's 403 has refused nothing.
 */
export async function read(response: Response): Promise<TransportAnswer> {
  const type = typeOf(response);
  if (response.ok && type === "application/json") {
    const counts = (await response.json()) as { accepted?: unknown; known?: unknown };
    const sum = Number(counts.accepted) + Number(counts.known);
    return answer(response, sum === 1 ? "accepted" : "failed");
  }
  const final = response.status >= 400 && response.status < 500 && ![408, 425, 429].includes(response.status);
  return answer(response, final && type === "application/problem+json" ? "refused" : "failed");
}

/** The content type of an answer, without parameters. */
export const typeOf = ({ headers }: Response): string | undefined => headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();

/** What an answer with this outcome means, and how long it asks to wait. */
export function answer({ status, headers }: Response, outcome: Outcome): TransportAnswer {
  const wait = Number(headers.get("retry-after"));
  return { outcome, status, ...(wait > 0 ? { retryAfterMs: wait * 1000 } : {}) };
}
