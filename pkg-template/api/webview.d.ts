import { type Unsubscribe } from "./index.js";
import type { Keepset, StorageAdapter } from "./index.js";
/** The version of the messages; docs/webview.schema.json describes them. */
export declare const PROTOCOL = 1;
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
/** Builds the bridge, or returns `null` where there is no app around the page. Never throws. */
export declare function webview(options?: WebviewOptions): Webview | null;
