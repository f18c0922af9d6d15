// `keepset/tokens`: a token for each report, fetched ahead of time and blinded here, so that nobody learns whose report it pays for.
import { fromBase64, toBase64, toHex } from "../bytes.js";
import { shelf } from "../host/shelf.js";
import { chooseStorage } from "../host/vault.js";
import type { Unsubscribe } from "../emitter.js";
import type { Clock, Keepset, ReportTokens, StorageAdapter } from "../types.js";
import { ask, challengeOf } from "./blind.js";
import { Stock, type Kept } from "./stock.js";

/** What `keepset-collector keys new --issuer` prints. */
export interface TokenKeys {
  /** The collector's host. */
  origin: string;
  /** Who issues, and with which keys. */
  issuers: readonly { name: string; keys: readonly { token_key: string; from: string; until: string }[] }[];
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

const MINUTE_MS = 60_000;
const WEEK_MS = 7 * 24 * 60 * MINUTE_MS;
/** A page that is looked at waits at most so long before it fetches. */
const SPREAD_MS = MINUTE_MS;

/** Makes a stock of tokens. Throws for options that are none. */
export function tokens(options: TokenOptions): Tokens {
  const { keys, stock: wanted = 2, rest = 60, headers = {}, name = "default", storage = "auto", clock = Date } = options;
  if (!keys?.issuers?.length) throw new TypeError("tokens({ keys }): what `keepset-collector keys new --issuer` prints");
  const store = chooseStorage(storage);
  // Where nothing may be kept, tokens live as long as the page.
  const stock = new Stock(typeof store === "object" ? store : shelf(), `tokens:${name}`);
  /** Grows with every deletion: what was asked for before it is not kept. */
  let erased = 0;

  /** The key that is signed with now, as the issuer chooses it: of those in use, the one that came last. */
  function current(): { key: Uint8Array; challenge: Uint8Array; until: number } | undefined {
    const now = clock.now();
    const all = keys.issuers.flatMap(({ name, keys: list }) => list.map((key) => ({ ...key, name })));
    const [key] = all.filter(({ from, until }) => Date.parse(from) <= now && now < Date.parse(until)).sort((a, b) => Date.parse(b.from) - Date.parse(a.from));
    return key && { key: decode(key.token_key), challenge: challengeOf(key.name, keys.origin), until: Date.parse(key.until) };
  }

  async function fetchOne(): Promise<Kept | undefined> {
    const key = current();
    if (!key) return undefined;
    const asked = await ask(key.key, key.challenge);
    const response = await fetch(options.url, {
      method: "POST",
      body: asked.request,
      headers: { ...headers, "content-type": "application/private-token-request" },
      credentials: "same-origin",
      referrerPolicy: "no-referrer",
      cache: "no-store",
    });
    const token = response.ok ? asked.finish(new Uint8Array(await response.arrayBuffer())) : undefined;
    return token && { token: encode(token), from: clock.now() + rest * MINUTE_MS, until: key.until };
  }

  const these: Tokens = {
    async pay(request, send) {
      const report = toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", request.body.slice())));
      const now = clock.now();
      const token = await stock.change((held) => {
        const at = held.waiting.findIndex(({ from, until }) => from <= now && now < until);
        const [next] = held.paid[report] || at < 0 ? [] : held.waiting.splice(at, 1);
        // The next one is fetched some time within a week, not because a report left.
        if (next) [held.paid[report], held.fetch] = [next.token, now + Math.random() * WEEK_MS];
        return held.paid[report];
      });
      // Without a token it would be refused: it waits until one has lain for its time.
      if (!token) return { outcome: "failed", retryAfterMs: (rest + 1 + Math.random()) * MINUTE_MS };
      const answer = await send({ ...request, headers: { ...request.headers, authorization: `PrivateToken token="${token}"` } });
      const worthless = /^\/problems\/report-token-/.test(answer.problem ?? "");
      // A report keeps its token for as long as it may be sent again.
      if (worthless || answer.outcome !== "failed") await stock.change(({ paid }) => void delete paid[report]);
      return worthless ? { ...answer, outcome: "failed" } : answer;
    },

    async kept() {
      const { waiting, paid } = await stock.read();
      const date = (at: number): string => new Date(at).toISOString();
      return [
        ...waiting.map(({ token, from, until }) => ({ token, from: date(from), until: date(until), report: null })),
        ...Object.entries(paid).map(([report, token]) => ({ token, from: null, until: null, report })),
      ];
    },

    async fill() {
      for (const began = erased; ; ) {
        const now = clock.now();
        const live = ({ until }: Kept): boolean => now < until;
        const { waiting, fetch } = await stock.read();
        const ready = waiting.filter(live).length;
        // What was used is replaced some time later; only with none left at once, for no report could leave.
        if (ready >= wanted || (ready && now < fetch) || began !== erased) return ready;
        const kept = await fetchOne().catch(() => undefined);
        if (!kept || began !== erased) return ready;
        await stock.change((held) => void (held.waiting = [...held.waiting.filter(live), kept]));
      }
    },

    async erase() {
      erased += 1;
      await stock.erase();
    },

    follow(client) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const look = (): void => {
        clearTimeout(timer);
        const { reporting, storage: storing } = client.consent.get();
        if (reporting !== "granted" || storing !== "granted") return void these.erase().catch(() => {});
        timer = setTimeout(() => void these.fill().catch(() => {}), Math.random() * SPREAD_MS);
      };
      const end = client.on("consent", look);
      void client.ready.then(look);
      return () => (clearTimeout(timer), end());
    },
  };
  return these;
}

/** base64url with its padding, as RFC 9577 has it. */
const encode = (bytes: Uint8Array): string => toBase64(bytes).replace(/\+/g, "-").replace(/\//g, "_");
const decode = (text: string): Uint8Array => fromBase64(text.replace(/-/g, "+").replace(/_/g, "/"));
