import type { Unsubscribe } from "./index.js";
import type { Clock, Keepset, ReportTokens, StorageAdapter } from "./index.js";
/** What `keepset-collector keys new --issuer` prints. */
export interface TokenKeys {
    /** The collector's host. */
    origin: string;
    /** Who issues, and with which keys. */
    issuers: readonly {
        name: string;
        keys: readonly {
            token_key: string;
            from: string;
            until: string;
        }[];
    }[];
}
/** Where tokens come from. */
export interface TokenOptions {
    /** Where the site's own backend takes a request for a token and hands it to the issuer; asked with the visitor's login. */
    url: string | URL;
    /** Whose tokens the collector takes: the same for every visitor. */
    keys: TokenKeys;
    /** How many are kept ready; 2 when left out. */
    stock?: number;
    /** Minutes that a token lies before it pays for a report, so that the two are not known by their times; 60 when left out. */
    rest?: number;
    /** Headers of the request to the site, such as one against forged requests. */
    headers?: Record<string, string>;
    /** The client's name, if it has one of its own. */
    name?: string;
    /** Where tokens are kept: as the client's option. */
    storage?: "auto" | "memory" | StorageAdapter;
    /** Another clock, for tests. */
    clock?: Clock;
}
/** A stock of tokens, for `init({ collector: { url, tokens } })`. */
export interface Tokens extends ReportTokens {
    /**
     * Fetches tokens while the client may report and store, and deletes all of them when it may not, or was told to delete all. Returns what
     * ends that.
     */
    follow(client: Keepset): Unsubscribe;
    /** Fetches what is missing now; returns how many tokens are ready. Only for a person who agreed to `reporting` and `storage`. */
    fill(): Promise<number>;
    /** Deletes all of them. */
    erase(): Promise<void>;
}
/** Makes a stock of tokens. Throws for options that are none. */
export declare function tokens(options: TokenOptions): Tokens;
