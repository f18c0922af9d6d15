/** Fetches whole and without cookies. Never as a stream: streaming fails where a webview serves a module without its type. */
export async function download(source: string | URL | Request | Response, signal: AbortSignal | null = null): Promise<Uint8Array> {
  const response = source instanceof Response ? source : await fetch(source, { credentials: "omit", signal });
  if (response.status >= 400) throw new Error(`the server answered ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
