import type { Outcome, Report } from "../dto.js";
import type { Transport, TransportAnswer } from "../types.js";

const TIMEOUT_MS = 20_000;

/** Where what leaves is taken. */
export type Route = "reports" | "labels";

/** Labels and their erasure have a route of their own. */
export const routeOf = (kind: Report["kind"]): Route => (kind === "report" ? "reports" : "labels");

/** How it is asked to be taken, and as what. `crates/wire` holds the same texts. */
export const methodOf = (kind: Report["kind"]): string => (kind === "erasure" ? "DELETE" : "POST");
export const typeFor = (kind: Report["kind"]): string => `application/vnd.keepset.sealed-${routeOf(kind)}`;

/** Sends with `fetch`. */
export const fetchTransport: Transport = ({ url, kind, body, headers, signal }) => send(methodOf(kind), url, body, { ...headers, "content-type": typeFor(kind) }, signal, read);

/** Sends and reads the answer in time: no cookies, no referrer, no redirects, and on its way even if the page closes. */
export async function send<T>(method: string, url: string, body: Uint8Array, headers: Record<string, string>, signal: AbortSignal, read: (response: Response) => Promise<T>): Promise<T> {
  const deadline = new AbortController();
  const abort = (): void => deadline.abort();
  const timeout = setTimeout(abort, TIMEOUT_MS);
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  try {
    const response = await fetch(url, {
      method,
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
  if (!final || type !== "application/problem+json") return answer(response, "failed");
  const problem = ((await response.json().catch(() => null)) as { type?: unknown } | null)?.type;
  return { ...answer(response, "refused"), ...(typeof problem === "string" ? { problem } : {}) };
}

/** The content type of an answer, without parameters. */
export const typeOf = ({ headers }: Response): string | undefined => headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();

/** What an answer with this outcome means, and how long it asks to wait. */
export function answer({ status, headers }: Response, outcome: Outcome): TransportAnswer {
  const wait = Number(headers.get("retry-after"));
  return { outcome, status, ...(wait > 0 ? { retryAfterMs: wait * 1000 } : {}) };
}
