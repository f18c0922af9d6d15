// `keepset/webview`: a bridge of versioned JSON messages, over which the app around a web view keeps the profile and asks the page's engine.
import { fromBase64, toBase64 } from "../bytes.js";
import { endedBy, surface, type Unsubscribe } from "../emitter.js";
import type { Keepset, StorageAdapter } from "../types.js";
import { answer, type Message, type Refusal } from "./calls.js";
import { findPort } from "./ports.js";

/** The version of the messages; docs/webview.schema.json describes them. */
export const PROTOCOL = 1;

/** A way for texts to the app around the page, and from it. */
export interface WebviewPort {
  /** Sends a text. Where the platform answers a message at once, the answer is what it resolves to. */
  send(text: string): unknown;
  /** Hears the texts that come. */
  listen(hear: (text: unknown) => void): Unsubscribe;
}

/** How the app is reached. */
export interface WebviewOptions {
  /** Another way to it; by default WKWebView, Android's WebView and React Native are looked for, in this order. */
  port?: WebviewPort;
  /** After so many milliseconds without an answer a request has failed; 5,000 when left out. */
  timeoutMs?: number;
  /** Aborting closes the bridge. */
  signal?: AbortSignal;
}

/** The bridge to the app. */
export interface Webview {
  /** The app as a storage: `init({ storage: bridge.storage })`. All web views of the app then share one profile and one budget. */
  readonly storage: StorageAdapter;
  /** Resolves to whether the app speaks this version of the messages. Never rejects. */
  readonly ready: Promise<boolean>;
  /** Answers what the app asks of a client, and tells it when segments or choices change. The returned function ends it. */
  serve(client: Keepset): Unsubscribe;
  /** Ends the bridge; what still waits for an answer has failed. */
  close(): void;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
  timer: ReturnType<typeof setTimeout>;
}

/** Builds the bridge, or returns `null` where there is no app around the page. Never throws. */
export function webview(options: WebviewOptions = {}): Webview | null {
  const { timeoutMs = 5_000, signal } = options;
  const port = options.port ?? findPort();
  if (!port || signal?.aborted) return null;
  const waiting = new Map<number, Waiting>();
  let client: Keepset | undefined;
  let last = 0;
  let closed = false;

  const send = (message: Message): void => {
    if (closed) return;
    const failed = (error: unknown): void => (typeof message.id === "number" ? settle(message.id, undefined, error) : surface(error));
    try {
      // WKWebView answers the message itself.
      Promise.resolve(port.send(JSON.stringify({ keepset: PROTOCOL, ...message }))).then((text) => typeof text === "string" && hear(text), failed);
    } catch (error) {
      failed(error);
    }
  };
  const settle = (id: number, value: unknown, error?: unknown): void => {
    const wait = waiting.get(id);
    if (!wait) return;
    waiting.delete(id);
    clearTimeout(wait.timer);
    if (error === undefined) wait.resolve(value);
    else wait.reject(Object.assign(new Error(messageOf(error)), { name: "WebviewError", code: (Object(error) as Partial<Refusal>).code ?? "failed" }));
  };
  const ask = (call: string, what: Message = {}): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const id = (last += 1);
      const timer = setTimeout(() => settle(id, undefined, { code: "timeout", message: `the app did not answer ${call}` }), timeoutMs);
      waiting.set(id, { resolve, reject, timer });
      if (closed) settle(id, undefined, CLOSED);
      else send({ id, call, ...what });
    });
  const hear = (text: unknown): void => {
    const message = parse(text);
    if (!message || closed) return;
    if (typeof message.re === "number") return settle(message.re, message.value, message.error ?? undefined);
    if (message.id === undefined) return;
    void answer(message, PROTOCOL, client).then((reply) => send({ re: message.id, ...reply }));
  };

  const off = port.listen(hear);
  const storage: StorageAdapter = {
    get: async (key) => bytes(await ask("storage.get", { key })),
    set: async (key, value) => void (await ask("storage.set", { key, value: toBase64(value) })),
    delete: async (key) => void (await ask("storage.delete", { key })),
    swap: async (key, expected, next) => (await ask("storage.swap", { key, expected: expected ? toBase64(expected) : null, next: toBase64(next) })) === true,
    append: async (key, end, added) => (await ask("storage.append", { key, last: toBase64(end), bytes: toBase64(added) })) === true,
  };
  return {
    storage,
    ready: ask("hello", { versions: [PROTOCOL] }).then(
      (said) => (Object(said) as { version?: unknown }).version === PROTOCOL,
      () => false,
    ),
    serve(served) {
      client = served;
      const segments = (): string[] => served.getSnapshot().segments.map(({ id }) => id);
      const leave = [
        served.on("change", ({ entered, left }) => send({ tell: "change", entered, left, segments: segments() })),
        served.consent.onChange((consent) => send({ tell: "consent", consent })),
      ];
      // Now the app may hand over what it kept until there was an engine.
      void served.ready.then(() => client === served && send({ tell: "ready", status: served.status, segments: segments(), consent: served.consent.get() }));
      return () => {
        leave.forEach((stop) => stop());
        if (client === served) client = undefined;
      };
    },
    close: endedBy(signal, () => {
      if (closed) return;
      closed = true;
      off();
      for (const id of [...waiting.keys()]) settle(id, undefined, CLOSED);
    }),
  };
}

const CLOSED = { code: "closed", message: "the bridge is closed" };

/** A message of this protocol, of whatever version. */
function parse(text: unknown): Message | undefined {
  try {
    const message = Object(JSON.parse(String(text))) as Message;
    return typeof message.keepset === "number" ? message : undefined;
  } catch {
    return undefined;
  }
}

/** What an app keeps under a key; anything but base64 is an error, which the client takes for a storage that cannot be used. */
function bytes(value: unknown): Uint8Array | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value !== "string") throw new TypeError("the app gave something other than base64");
  return fromBase64(value);
}

const messageOf = (error: unknown): string => String((Object(error) as { message?: unknown }).message ?? error);
