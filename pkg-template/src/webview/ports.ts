// The ways out of a web view, by platform.
import type { WebviewPort } from "./index.js";

/** The event by which an app that can only run scripts hands a text to the page: `dispatchEvent(new MessageEvent("keepset", { data }))`. */
const EVENT = "keepset";

interface Around {
  webkit?: { messageHandlers?: { keepset?: { postMessage(text: string): unknown } } };
  keepsetHost?: { postMessage(text: string): unknown; onmessage?: ((event: { data: unknown }) => void) | null };
  ReactNativeWebView?: { postMessage(text: string): unknown };
}

/** Looks for the app around the page. */
export function findPort(): WebviewPort | undefined {
  if (typeof globalThis.addEventListener !== "function") return undefined;
  const { webkit, keepsetHost, ReactNativeWebView } = globalThis as unknown as Around;
  const handler = webkit?.messageHandlers?.keepset;
  if (handler) return { send: (text) => handler.postMessage(text), listen: byEvent };
  if (keepsetHost) return android(keepsetHost);
  return ReactNativeWebView && { send: (text) => void ReactNativeWebView.postMessage(text), listen: byEvent };
}

const byEvent: WebviewPort["listen"] = (hear) => {
  const heard = (event: Event): void => hear((event as MessageEvent).data);
  addEventListener(EVENT, heard);
  return () => removeEventListener(EVENT, heard);
};

const android = (host: NonNullable<Around["keepsetHost"]>): WebviewPort => ({
  send: (text) => void host.postMessage(text),
  listen: (hear) => {
    host.onmessage = ({ data }) => hear(data);
    return () => void (host.onmessage = null);
  },
});
