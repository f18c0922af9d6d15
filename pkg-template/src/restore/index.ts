// `keepset/restore`: a copy of the profile on the site's own server, for browsers that clear what scripts stored; encrypted here, and no way to a second answer.
import { fromBase64, toBase64 } from "../bytes.js";
import type { Unsubscribe } from "../emitter.js";
import { systemClock } from "../host/clock.js";
import { shelf } from "../host/shelf.js";
import { swapIn } from "../host/swap.js";
import { chooseStorage } from "../host/vault.js";
import { seal } from "./sealed.js";
import type { Clock, Keepset, StorageAdapter, WasmSource } from "../types.js";

/** Where copies are kept. */
export interface RestoreOptions {
  /** Where the site's own server takes a copy, gives it back and deletes it. */
  url: string | URL;
  /** Minutes from one copy to the next; 10 when left out. A page that is hidden copies what is left after a minute. */
  every?: number;
  /** Headers of the requests, such as one against forged ones. */
  headers?: Record<string, string>;
  /** The client's name, if it has one of its own. */
  name?: string;
  /** Where the profile itself is kept: as the client's option. */
  storage?: "auto" | StorageAdapter;
  /** Where `restore.wasm` comes from; left out, the copy inside the package is taken. Where WebAssembly is forbidden, the same runs as JavaScript. */
  wasm?: WasmSource | Promise<WasmSource>;
  /** Another clock, for tests. */
  clock?: Clock;
}

/** A storage that is copied, and what became of it. */
export interface Restorable {
  /** For the option of that name: `init({ storage: copies.storage })`. */
  readonly storage: StorageAdapter;
  /** Copies the profile of this client and puts it back where it was lost. Nothing is copied or asked for before. Returns what ends that. */
  follow(client: Keepset): Unsubscribe;
  /** Copies now what is not copied yet. */
  copy(): Promise<void>;
  /** `restored`: this profile goes on from a copy. `refused`: there was one that could not be had or verified, so this is a new device's. */
  readonly outcome: "none" | "restored" | "refused";
}

/** What the device knows of its copy. */
interface Known {
  /** In base64. */
  secret: string;
  /** The last copy's number, and when it was made. */
  number: number;
  at: number;
}

const MINUTE_MS = 60_000;
/** So long after a change a copy is thought of. */
const FIRST_MS = 1_000;
/** A server that does not answer holds nobody up for longer. */
const PATIENCE_MS = 5_000;
/** A cookie that says whether there is a copy, and nothing of whom: `1`, or `erase` when there is to be none. */
const MARK = "keepset-copy";
const KEY = "keepset-key";

/** Makes a storage that is copied. */
export function restorable(options: RestoreOptions): Restorable {
  const { url, every = 10, headers = {}, name = "default", storage = "auto", clock = systemClock } = options;
  const store = chooseStorage(storage);
  const kept = typeof store === "object" ? store : shelf();
  const note = `copy:${name}`;
  let client: Keepset | undefined;
  let outcome: Restorable["outcome"] = "none";
  /** Nothing was stored when it was read first. */
  let isNew = false;
  let changed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last = Promise.resolve();

  const ask = (method: string, body?: Uint8Array<ArrayBuffer>, more?: Record<string, string>): Promise<Response> =>
    fetch(url, {
      method,
      headers: { ...headers, ...more },
      ...(body ? { body, keepalive: body.length < 60_000 } : {}),
      signal: AbortSignal.timeout?.(PATIENCE_MS),
      credentials: "same-origin",
      redirect: "error",
      referrerPolicy: "no-referrer",
      cache: "no-store",
    });
  const read = async (): Promise<Known | undefined> => {
    const found = await kept.get(note);
    return found && (JSON.parse(new TextDecoder().decode(found)) as Known);
  };
  const keep = async (known: Known): Promise<void> => void (await swapIn(kept, note, await kept.get(note), new TextEncoder().encode(JSON.stringify(known))));
  const mayKeep = (): boolean => client?.consent.get().storage === "granted";

  /** What a new device would store, with what the copy has counted; nothing where there is no copy that holds. */
  async function recovered(fresh: Uint8Array): Promise<Uint8Array | undefined> {
    if (!client || mark() !== "1") return undefined;
    try {
      outcome = "refused";
      const response = await ask("GET");
      if (response.status === 404) return void (outcome = "none");
      const secret = response.ok && fromBase64(response.headers.get(KEY) as string);
      if (!secret || secret.length !== 32) return undefined;
      const sealed = new Uint8Array(await response.arrayBuffer());
      const [{ recover }, pack] = await Promise.all([import("./recover.js"), client.pack()]);
      const found = pack && (await recover({ secret, name, sealed }, fresh, pack, clock.now(), options.wasm));
      if (!found) return undefined;
      await keep({ secret: toBase64(secret), number: found.number, at: clock.now() });
      outcome = "restored";
      return found.record;
    } catch {
      return undefined;
    }
  }

  /** The first thing that is stored with consent is the moment to ask for a copy: the client then builds on what it finds. */
  async function first(key: string, expected: Uint8Array | undefined, next: Uint8Array): Promise<boolean> {
    if (key !== name || !isNew || client?.consent.get().segmentation !== "granted") return false;
    isNew = false;
    const state = await recovered(next);
    return state !== undefined && swapIn(kept, key, expected, state);
  }

  /** Something was stored. What became less, as by a reset, is copied at once: it must not come back. */
  function touch(key: string, less: boolean): void {
    if (key !== name || !client) return;
    changed = true;
    if (less) clearTimeout(timer);
    if (less || timer === undefined) timer = setTimeout(() => void later(less ? 0 : every), FIRST_MS);
  }

  /** Copies once the last copy is so old; until then it waits. */
  async function later(minutes: number): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const known = await read().catch(() => undefined);
    const rest = (known?.at ?? -Infinity) + minutes * MINUTE_MS - clock.now();
    if (rest > 0) timer = setTimeout(() => void later(every), Math.min(rest, 2 ** 31 - 1));
    else await copies.copy().catch(() => undefined);
  }

  async function copy(): Promise<void> {
    if (!changed || !mayKeep()) return;
    const [record, known] = await Promise.all([kept.get(name), read()]);
    if (!record) return;
    const secret = known ? fromBase64(known.secret) : crypto.getRandomValues(new Uint8Array(32));
    const number = (known?.number ?? 0) + 1;
    const body = await seal(secret, name, number, record);
    // Asked again: consent may have gone meanwhile.
    if (!mayKeep()) return;
    changed = false;
    const response = await ask("PUT", body, { [KEY]: toBase64(secret), "keepset-number": String(number) });
    if (response.ok) return keep({ secret: toBase64(secret), number, at: clock.now() });
    changed = true;
    throw new Error(`The copy was not taken: ${response.status}`);
  }

  /** Deletes the copy. Until the server has said so it is marked, also for the next visit, and a marked one is never put back. */
  async function erase(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    changed = false;
    const there = mark() !== undefined || (await kept.get(note)) !== undefined;
    await kept.delete(note);
    if (!there) return;
    mark("erase");
    const response = await ask("DELETE").catch(() => undefined);
    if (response?.ok) mark("");
    else setTimeout(() => void (mark() === "erase" && inTurn(erase)), MINUTE_MS);
  }

  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return turn;
  };

  const copies: Restorable = {
    storage: {
      async get(key) {
        const found = await kept.get(key);
        if (key === name) isNew = found === undefined && outcome === "none";
        return found;
      },
      async set(key, value) {
        await swapIn(kept, key, await kept.get(key), value);
        touch(key, true);
      },
      async swap(key, expected, next) {
        // What was put there in its place is found by whoever reads again.
        if (await first(key, expected, next)) return false;
        const swapped = await swapIn(kept, key, expected, next);
        if (swapped) touch(key, expected !== undefined && next.length < expected.length);
        return swapped;
      },
      ...(kept.append && {
        async append(key: string, end: Uint8Array, bytes: Uint8Array) {
          const appended = (await kept.append?.(key, end, bytes)) === true;
          if (appended) touch(key, false);
          return appended;
        },
      }),
      async delete(key) {
        await kept.delete(key);
        if (key === name) await inTurn(erase);
      },
    },
    follow(followed) {
      // A server has no visitor whose profile it could copy.
      if (typeof document !== "object") return () => undefined;
      client = followed;
      if (mark() === "erase") void inTurn(erase).catch(() => undefined);
      const hide = (): void => void (changed && document.visibilityState === "hidden" && later(1));
      document.addEventListener("visibilitychange", hide);
      return () => {
        clearTimeout(timer);
        document.removeEventListener("visibilitychange", hide);
        if (client === followed) client = undefined;
      };
    },
    copy: () => inTurn(copy),
    get outcome() {
      return outcome;
    },
  };
  return copies;
}

/** Reads the mark, or sets it; nothing takes it away. */
function mark(to?: string): string | undefined {
  if (to !== undefined) document.cookie = `${MARK}=${to}; Path=/; SameSite=Strict; Secure; Max-Age=${to === "" ? 0 : 31_536_000}`;
  return document.cookie
    .split("; ")
    .find((cookie) => cookie.startsWith(`${MARK}=`))
    ?.slice(MARK.length + 1);
}
