import type { Budget, ConsentState, Explanation, FeatureValue, LedgerEntry, Membership, Report, SegmentChange, Withheld } from "./dto.js";
import { toHex } from "./bytes.js";
import { deferred } from "./deferred.js";
import type { EngineData } from "./device-data.js";
import type { OpenEngine } from "./engine.js";
import { Emitter, safely, type Unsubscribe } from "./emitter.js";
import { KeepsetError } from "./errors.js";
import { read, systemClock } from "./host/clock.js";
import { Link } from "./link.js";
import { type Notice, type Op, type Steps, stepsOf, type View } from "./ops.js";
import { DEFAULT_NAME, type Settings, settle } from "./options.js";
import { readChoice, readEvent, readSignal } from "./input.js";
import { hasWebAssembly } from "./support.js";
import type {
  Cancellable,
  ClientEvents,
  Consent,
  DeviceData,
  FlushResult,
  Keepset,
  Ledger,
  Options,
  Snapshot,
  Stats,
  Status,
  Unbound,
  WhatIf,
} from "./types.js";
import { UNDECIDED, UNKNOWN } from "./views.js";

const LAST_WAIT_MS = 1_000;

/** The client of a page: takes calls at once, hands them to whoever holds the engine, and survives its absence. */
export class Client implements Unbound<Keepset> {
  declare [Symbol.asyncDispose]: () => Promise<void>;
  readonly name: string;
  readonly consent: Consent;
  readonly ledger: Ledger;
  readonly #events = new Emitter<ClientEvents & { snapshot: undefined }>();
  readonly #settings: Settings | undefined;
  #link: Link | undefined;
  readonly #warned = new Set<string>();
  readonly #leave = new AbortController();
  #status: Status = "starting";
  #error: KeepsetError | null = null;
  #paused = false;
  #ending: Promise<void> | undefined;
  /** Makes what joins this tab to the others of a profile. */
  #join: (() => Link) | undefined;
  #switching: Promise<void> = Promise.resolve();
  #consent = UNDECIDED;
  #snapshot = UNKNOWN;
  readonly #settled = deferred<Keepset>();
  readonly ready: Promise<Keepset> = this.#settled.promise;

  constructor(options: Options, open: OpenEngine | undefined, onDestroy: (client: Client) => void) {
    this.consent = {
      get: () => this.#consent,
      set: (choice, signal) => this.#choose(choice, signal),
      onChange: (listener) => this.#events.on("consent", ({ state }) => listener(state)),
    };
    this.ledger = {
      list: async (options) => {
        const { since, limit } = readOptions(options);
        const entries = (await this.#ask<readonly LedgerEntry[]>({ do: "ledger" }, [], options)).filter(({ at }) => at >= since);
        return entries.slice(Math.max(entries.length - limit, 0));
      },
      budget: (options) => this.#ask<Budget | null>({ do: "budget" }, null, options),
      next: (options) => this.#ask<{ state: "queued" | Withheld; lookAgainAt?: number }>({ do: "next" }, { state: "not_running" }, options),
      export: async (options) => {
        const entries = await this.ledger.list(options);
        const plans = [...new Set(entries.map(({ plan }) => plan))];
        // Without the random names: whoever holds reports could look them up.
        const file = { format: "keepset-ledger", version: 1, exportedAt: this.#today(), plans, entries: entries.map(({ id: _, ...entry }) => entry) };
        return new Blob([JSON.stringify(file, hexBytes, 2)], { type: "application/json" });
      },
    };
    this.#leave.signal.addEventListener("abort", () => onDestroy(this));
    let settings: Settings;
    try {
      settings = settle(options);
    } catch (error) {
      this.name = DEFAULT_NAME;
      const known = error instanceof KeepsetError ? error : new KeepsetError("invalid_options", "The options cannot be read.", { cause: error });
      this.#fail(known);
      return;
    }
    this.name = settings.name;
    // A refusal that is said while it is asked is in force at once.
    settings.confirm = async (purpose) => (await (this.consent.confirm?.(purpose) ?? true)) === true && ([purpose, "segmentation", "storage"] as const).every((gate) => this.#consent[gate] === "granted");
    this.#settings = settings;
    if (!open || !(settings.nowasm ?? open.nowasm ?? hasWebAssembly())) {
      const where = open ? "This browser has no WebAssembly" : "This runtime serves pages and runs none";
      this.#fail(new KeepsetError("wasm_unsupported", `${where}, so segments are not computed here.`));
      return;
    }
    this.#connect(settings, settings.runtime?.open.bind(undefined, open, options) ?? open);
  }

  get status(): Status {
    return this.#status;
  }

  get error(): KeepsetError | null {
    return this.#error;
  }

  track(name: string, properties?: unknown, options?: unknown): void {
    if (!this.#settings || !this.#link || this.#paused || this.#ending || this.#over) return;
    try {
      const event = readEvent(name, properties, options, read(this.#settings.clock));
      this.#link.track(event, this.#settings.log !== undefined);
    } catch (error) {
      this.#complain(error);
    }
  }

  page(properties?: unknown, options?: unknown): void {
    this.track("page_view", properties, options);
  }

  setTraits(traits: unknown): void {
    this.track("traits", traits);
  }

  setProfile(key: string | null): Promise<void> {
    const before = this.#link;
    if (!before || !this.#join || this.#ending || this.#over) return Promise.resolve();
    const digest = (globalThis as { crypto?: { subtle?: SubtleCrypto } }).crypto?.subtle;
    if (!(key === null || (digest && typeof key === "string" && key !== ""))) {
      this.#complain(new KeepsetError("invalid_argument", "setProfile() takes null or a text, which only pages of https can hash."));
      return Promise.resolve();
    }
    // What is told from now on is the other profile's.
    const link = (this.#link = this.#join());
    this.#consent = UNDECIDED;
    this.#become("starting");
    this.#switching = this.#switching.then(async () => {
      await before.idle(LAST_WAIT_MS);
      before.stop();
      before.drop(new KeepsetError("aborted", "Another profile took the place of this one."));
      const name = key === null ? this.name : `${this.name}.${await hashed(key)}`;
      if (this.#over) return;
      link.start(name);
      await link.call({ do: "budget" }).catch(() => undefined);
    });
    return this.#switching;
  }

  getSnapshot(): Snapshot {
    return this.#snapshot;
  }

  subscribe(listener: () => void): Unsubscribe {
    return this.#listen("snapshot", listener);
  }

  has(segment: string): boolean {
    return this.#snapshot.segments.some(({ id }) => id === segment);
  }

  whenIn(segment: string, listener: (membership: Membership) => void): Unsubscribe {
    const tell = (): void => {
      const membership = this.#snapshot.segments.find(({ id }) => id === segment);
      if (membership) listener(membership);
    };
    const off = this.#listen("change", (change) => {
      // Left and entered again in one go is entered, too.
      if (this.has(segment) && (change.entered.includes(segment) || change.reasons.some((reason) => reason.kind === "entered" && reason.segment === segment))) tell();
    });
    if (typeof listener === "function") safely(tell);
    return off;
  }

  explain(segment: string, options?: Cancellable): Promise<Explanation | null> {
    if (typeof segment === "string") return this.#ask<Explanation | null>({ do: "explain", segment }, null, options);
    this.#complain(new KeepsetError("invalid_argument", "explain() takes the id of a segment."));
    return Promise.resolve(null);
  }

  simulate(events: readonly WhatIf[], options?: Cancellable): Promise<readonly SegmentChange[]> {
    try {
      const now = read(this.#settings?.clock ?? systemClock);
      const list = Array.from(events, (event) => readEvent(event.name, event.properties, event, now));
      return this.#ask<readonly SegmentChange[]>({ do: "simulate", events: list }, [], options);
    } catch (error) {
      this.#complain(error);
      return Promise.resolve([]);
    }
  }

  features(options?: Cancellable): Promise<readonly FeatureValue[]> {
    return this.#ask<readonly FeatureValue[]>({ do: "features" }, [], options);
  }

  pack(options?: Cancellable): Promise<Uint8Array | null> {
    return this.#ask<Uint8Array | null>({ do: "pack" }, null, options);
  }

  on<K extends keyof ClientEvents>(
    type: K,
    listener: (event: ClientEvents[K]) => void,
    options?: { once?: boolean; signal?: AbortSignal },
  ): Unsubscribe {
    return this.#listen(type, listener, options);
  }

  preview(options?: Cancellable): Promise<Report | null> {
    return this.#ask<Report | null>({ do: "preview" }, null, options);
  }

  flush(options?: Cancellable): Promise<FlushResult> {
    const nothing = (skipped: Withheld): FlushResult => ({ sent: 0, queued: 0, skipped });
    if (this.#paused) return Promise.resolve(nothing("paused"));
    return this.#ask<FlushResult>({ do: "flush" }, nothing("not_running"), options);
  }

  pause(): void {
    this.#hold(true);
  }

  resume(): void {
    this.#hold(false);
  }

  async exportData(options?: Cancellable): Promise<DeviceData> {
    const nothing: EngineData = {
      exportedAt: this.#today(),
      name: this.name,
      consent: this.#consent,
      memberships: [],
      features: [],
      intake: null,
      ledger: [],
      budget: null,
      waiting: null,
      stored: null,
    };
    const known = await this.#ask<EngineData>({ do: "export" }, nothing, options);
    return { ...known, tokens: (await this.#settings?.collector?.tokens?.kept().catch((error: unknown) => void this.#complain(error))) ?? [] };
  }

  stats(options?: Cancellable): Promise<Stats | null> {
    return this.#ask<Stats | null>({ do: "stats" }, null, options);
  }

  reset(): Promise<void> {
    return this.#ask<void>({ do: "reset" }, undefined);
  }

  deleteAll(): Promise<void> {
    return this.#ask<void>({ do: "deleteAll" }, undefined);
  }

  async destroy(): Promise<void> {
    if (this.#status === "destroyed") return;
    if (!this.#over) {
      // What was tracked before is still kept; nothing new gets in, and a stuck disk holds no one up.
      this.#ending ??= this.#link?.idle(LAST_WAIT_MS);
      await this.#ending;
    }
    this.#end();
  }

  #today(): string {
    return new Date(read(this.#settings?.clock ?? systemClock)).toISOString();
  }

  #end(): void {
    if (this.#status === "destroyed") return;
    this.#link?.stop();
    this.#link?.drop(new KeepsetError("destroyed", "The client was destroyed."));
    this.#become("destroyed");
    this.#settled.resolve(this);
    this.#leave.abort();
    this.#events.clear();
  }

  #connect(settings: Settings, open: OpenEngine): void {
    const inPage = typeof (globalThis as { document?: unknown }).document === "object";
    this.#join = () => {
      // What the profile before has still to say is said to no one.
      const mine = <T extends unknown[]>(hear: (...said: T) => void) => (...said: T): void => void (this.#link === link && hear(...said));
      const link: Link = new Link(inPage && settings.storage !== "memory", {
        open: (name, tell, fail) => open({ ...settings, name }, tell, fail),
        up: mine((view, steps) => this.#up(view, steps)),
        lost: this.#lose,
        notice: mine((notice) => this.#notice(notice)),
        failed: mine((error) => this.#fail(error)),
      });
      link.hold(this.#paused);
      return link;
    };
    this.#link = this.#join();
    const { signal } = this.#leave;
    const stopClock = settings.clock.onJump?.(() => this.#link?.wake());
    signal.addEventListener("abort", () => stopClock?.());
    settings.signal?.addEventListener("abort", () => void this.destroy(), { signal });
    if (inPage) {
      addEventListener("pagehide", ({ persisted }) => this.#link?.leave(persisted), { signal });
      // The device may have travelled, and the clock gone on, while no one looked.
      document.addEventListener("visibilitychange", () => this.#link?.look(document.visibilityState === "visible"), { signal });
      addEventListener("pageshow", ({ persisted }) => persisted && !this.#over && this.#link?.start(), { signal });
    }
    const first = this.#link;
    // After the page's own code had its turn, so that listeners hear everything.
    this.#switching = Promise.resolve().then(() => {
      if (settings.signal?.aborted) void this.destroy();
      else if (!this.#over) first.start(settings.name);
    });
  }

  /** A refusal is in force from this line on; a grant only when the engine says so. */
  #choose(choice: unknown, by: unknown): Promise<void> {
    try {
      const change = readChoice(choice);
      const refused = Object.entries(change).filter(([, value]) => value === "denied");
      this.#consent = Object.freeze({ ...this.#consent, ...Object.fromEntries(refused) }) as ConsentState;
      return this.#ask<void>({ do: "consent", change, signal: readSignal(by) }, undefined);
    } catch (error) {
      this.#complain(error);
      return Promise.resolve();
    }
  }

  /** Asks the engine; everything that goes wrong becomes an `error` event and the neutral answer. */
  #ask<T>(op: Op, otherwise: T, options?: Cancellable): Promise<T> {
    const { signal } = readOptions(options);
    const aborted = (): KeepsetError => new KeepsetError("aborted", "The caller gave up waiting.", { cause: signal?.reason });
    if (signal?.aborted) return Promise.reject(aborted());
    if (!this.#link || this.#ending || this.#over) return Promise.resolve(otherwise);
    const answer = this.#link.call(op).catch((error: unknown) => {
      this.#lose(error);
      return otherwise;
    }) as Promise<T>;
    if (!signal) return answer;
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(aborted());
      signal.addEventListener("abort", abort, { once: true });
      void answer.then((value) => {
        signal.removeEventListener("abort", abort);
        resolve(value);
      });
    });
  }

  #listen<K extends keyof ClientEvents | "snapshot">(
    type: K,
    listener: (event: (ClientEvents & { snapshot: undefined })[K]) => void,
    options?: { once?: boolean; signal?: AbortSignal },
  ): Unsubscribe {
    if (typeof listener === "function") {
      return this.#events.on(type, listener, readOptions(options));
    }
    this.#complain(new KeepsetError("invalid_argument", "A listener is not a function."));
    return () => undefined;
  }

  #hold(held: boolean): void {
    if (this.#over || this.#paused === held) return;
    this.#paused = held;
    this.#link?.hold(held);
    if (!held) this.#link?.wake();
    if (this.#status !== "starting") this.#become(held ? "paused" : "ready");
  }

  #up(view: View, steps: Steps): void {
    if (this.#over) return;
    const starting = this.#status === "starting";
    if (starting) this.#status = this.#paused ? "paused" : "ready";
    this.#show(view, steps);
    if (!starting) return;
    this.#settled.resolve(this);
    this.#events.emit("ready", { client: this });
  }

  #notice(notice: Notice): void {
    if (this.#over) return;
    switch (notice.is) {
      case "view":
        return this.#show(notice.view, notice.steps);
      case "consent":
        this.#consent = notice.state;
        return this.#events.emit("consent", { state: notice.state });
      case "report":
        return this.#events.emit("report", { report: notice.report, outcome: notice.outcome, at: notice.at });
      case "undeclared":
        return void this.#say("warn", `The pack declares no event "${notice.name}": it is not counted.`);
      case "error":
        return this.#complain(new KeepsetError(notice.code, notice.message, { cause: notice.cause }));
    }
  }

  #show(view: View, steps: Steps): void {
    const { status } = this;
    this.#consent = view.consent;
    const entered = beyond(view.segments, this.#snapshot.segments);
    const left = beyond(this.#snapshot.segments, view.segments);
    const moved = entered.length + left.length + steps.length > 0 || typeof steps === "function";
    if (!moved && this.#snapshot.status === status && this.#snapshot.updatedAt > 0) return;
    this.#snapshot = Object.freeze({ status, segments: view.segments, updatedAt: view.updatedAt });
    this.#events.emit("snapshot", undefined);
    if (!moved) return;
    if (this.#events.hears("change")) {
      this.#events.emit("change", {
        snapshot: this.#snapshot,
        entered,
        left,
        get reasons() {
          return stepsOf(steps);
        },
      });
    }
    for (const segment of left) this.#events.emit("exit", { segment, at: view.updatedAt });
    for (const membership of view.segments) {
      if (entered.includes(membership.id)) this.#events.emit("enter", { segment: membership.id, membership });
    }
  }

  #become(status: Status): void {
    this.#status = status;
    const segments = status === "ready" || status === "paused" ? this.#snapshot.segments : UNKNOWN.segments;
    this.#snapshot = Object.freeze({ ...this.#snapshot, status, segments });
    this.#events.emit("snapshot", undefined);
  }

  #fail(error: KeepsetError): void {
    if (this.#over) return;
    this.#error = error;
    this.#become(error.code === "wasm_unsupported" ? "unsupported" : "failed");
    // Later, so that the caller of `init` can listen first.
    queueMicrotask(() => {
      this.#complain(error);
      this.#settled.resolve(this);
      this.#events.emit("ready", { client: this });
    });
  }

  #complain(error: unknown): void {
    const known = error instanceof KeepsetError ? error : new KeepsetError("invalid_argument", "A call could not be understood.", { cause: error });
    const fresh = this.#say(known === this.#error ? "error" : "warn", `${known.code}: ${known.message}`, known.cause);
    // What the device or the pack lacks is missed at every look.
    if (fresh || !known.code.startsWith("no_")) this.#events.emit("error", known);
  }

  /** Tells whoever debugs, each thing once, and says whether this was the first time. */
  #say(level: "warn" | "error", what: string, data?: unknown): boolean {
    const fresh = !this.#warned.has(what);
    this.#warned.add(what);
    if (fresh) safely(() => this.#settings?.log?.(level, what, data));
    return fresh;
  }

  /** Tells of an error nobody waits for. */
  readonly #lose = (error: unknown): void => {
    if (!this.#over) this.#complain(error);
  };

  get #over(): boolean {
    return this.#status === "destroyed" || this.#status === "failed" || this.#status === "unsupported";
  }
}

// Older engines have no word for it, and do without `await using`.
if ((Symbol as { asyncDispose?: symbol }).asyncDispose) Client.prototype[Symbol.asyncDispose] = Client.prototype.destroy;

/** Names the profile of an account. */
async function hashed(key: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`keepset profile 1 ${key}`));
  return toHex(new Uint8Array(digest, 0, 8));
}

/** The segments of a list that are not in another. */
function beyond(segments: readonly Membership[], others: readonly Membership[]): string[] {
  const known = new Set(others.map(({ id }) => id));
  return segments.map(({ id }) => id).filter((id) => !known.has(id));
}

/** Bytes as hexadecimal text, as the ledger shows them everywhere. */
function hexBytes(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? toHex(value) : value;
}

/** The options of a call, as far as they are some. */
function readOptions(options: unknown): { signal?: AbortSignal; once: boolean; since: number; limit: number } {
  try {
    const { signal, once, since, limit } = options as Record<string, unknown>;
    const known = typeof (signal as AbortSignal | undefined)?.addEventListener === "function";
    const number = (given: unknown, otherwise: number): number => (typeof given === "number" ? given : otherwise);
    return { once: once === true, since: number(since, 0), limit: number(limit, Infinity), ...(known ? { signal: signal as AbortSignal } : {}) };
  } catch {
    return { once: false, since: 0, limit: Infinity };
  }
}
