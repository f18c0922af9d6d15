import { type Deferred, deferred } from "./deferred.js";
import { crashed, type ErrorCode, KeepsetError } from "./errors.js";
import { type Hold, TabLock } from "./host/lock.js";
import { isHidden, Timer } from "./host/timer.js";
import type { Holder } from "./engine.js";
import type { EventInput } from "./dto.js";
import { Gone, type Notice, type Op, type Steps, stepsOf, type View } from "./ops.js";

/** Questions kept while no tab can answer them; a page that asks more is in a loop. */
const MOST_CALLS = 1_000;
/** Events kept until they are stored. */
const MOST_EVENTS = 20_000;
/** So many events are one call. */
const BATCH = 32;
/** So long calls are worked off in one go; then the page has its turn. */
const SLICE_MS = 4;
/** Events are taken in at once; in a rush, after so many times within a slice, together at its end. */
const MOST_AT_ONCE = 16;
/** A holder that neither answers a call nor a ping within these times is frozen, and loses the lock. */
const PATIENCE_MS = 4_000;
const PING_MS = 2_000;

type Message =
  | { is: "hello" }
  | { is: "lead"; view: View }
  | { is: "call"; from: string; id: number; op: Op }
  | { is: "reply"; to: string; id: number; value?: unknown; error?: { code: ErrorCode; message: string } }
  | { is: "notice"; notice: Notice }
  | { is: "ping" }
  | { is: "pong" };

/** A call and what becomes of its answer; that events are lost is all there is to answer to them. */
interface Call extends Pick<Deferred<unknown>, "resolve" | "reject"> {
  readonly op: Op;
}

/** Calls whose events are stored together. */
interface Together {
  readonly kept: Promise<unknown>;
  readonly ids: number[];
}

/** What a link needs of its client. */
export interface Ends {
  /** Opens the engine of a name in this tab. */
  open(name: string, tell: (notice: Notice) => void, fail: (error: KeepsetError) => void): Promise<Holder>;
  /** The engine is there, in this tab or another, with what time changed while it was not. */
  up(view: View, steps: Steps): void;
  /** Events were dropped, or the engine has stopped and is replaced. */
  lost(error: KeepsetError): void;
  /** The engine's holder has something to tell. */
  notice(notice: Notice): void;
  /** The engine cannot be opened in this tab, or has stopped for good. */
  failed(error: KeepsetError): void;
}

/**
 * Joins the tabs of a site: one holds the engine, the others send their calls to it. A call is kept until it is
 * answered, so that the next holder can do it when the first is gone.
 */
export class Link {
  readonly #me = Math.random().toString(36).slice(2);
  readonly #calls = new Map<number, Call>();
  readonly #seen = new Map<string, number>();
  #lock: TabLock | undefined;
  #name = "";
  readonly #watch = new Timer(() => this.#doubt());
  #channel: BroadcastChannel | undefined;
  #keeper: Holder | undefined;
  #elsewhere = false;
  /** Another tab has been heard: each says a word when it opens, and to a new holder. Before that no one is told anything. */
  #company = false;
  #pinged = false;
  #held = false;
  #open = false;
  /** How often this link has let go: what was being opened before is not its own any more. */
  #turn = 0;
  /** The engine has stopped, and another was started. */
  #replaced = false;
  #last = 0;
  /** The last call that was handed to the engine or to the tab that holds it; those behind it wait in line. */
  #handed = 0;
  /** The events of the last call, while more may join them. */
  #batch: EventInput[] | undefined;
  #together: Together | undefined;
  /** Told when no call waits any more. */
  #idle: (() => void) | undefined;
  #events = 0;
  #dropped = 0;
  #draining = false;
  #working = false;
  /** When a slice began, and how often events were taken in at once since. */
  #slice = 0;
  #atOnce = 0;

  constructor(
    private readonly shared: boolean,
    private readonly ends: Ends,
  ) {}

  /** Begins under a name, or begins again after `stop`. Calls made before are kept for it. */
  start(name = this.#name): void {
    if (this.#open || name === "") return;
    this.#open = true;
    this.#name = name;
    if (!this.shared || !TabLock.available()) return this.#leadAlone();
    this.#lock ??= new TabLock(
      name,
      (hold) => void this.#lead(hold),
      () => this.#leadAlone(),
    );
    this.#channel = new BroadcastChannel(`keepset:${name}`);
    this.#channel.onmessage = ({ data }: MessageEvent<Message>) => this.#hear(data);
    this.#post({ is: "hello" });
    this.#lock.ask();
  }

  /** Lets go of the engine and of the other tabs. Calls without an answer are kept for `start`. */
  stop(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#turn += 1;
    this.#watch.clear();
    this.#letGo();
    this.#lock?.release();
    // A moment later, so that the answers to what the last write covered still go out.
    const channel = this.#channel;
    this.#channel = undefined;
    setTimeout(() => channel?.close());
    this.#elsewhere = false;
  }

  /** Asks the engine, wherever it is. Rejects with a `KeepsetError` only. */
  call(op: Op): Promise<unknown> {
    if (this.#calls.size >= MOST_CALLS + MOST_EVENTS / BATCH) {
      return Promise.reject(new KeepsetError("too_many_calls", `More than ${MOST_CALLS} calls wait for the engine; this one is dropped.`));
    }
    const { promise, resolve, reject } = deferred<unknown>();
    this.#put({ op, resolve, reject });
    this.#batch = undefined;
    this.#drain();
    return promise;
  }

  /** Puts an event in line. */
  track(event: EventInput, debug: boolean): void {
    if (this.#events >= MOST_EVENTS) {
      if (this.#dropped === 0) setTimeout(() => this.#sayDropped());
      this.#dropped += 1;
      return;
    }
    this.#events += 1;
    if (this.#batch && this.#batch.length < BATCH) {
      this.#batch.push(event);
      return;
    }
    this.#batch = [event];
    this.#put({ op: { do: "track", events: this.#batch, debug }, resolve: ignore, reject: this.#lose });
    if (this.#draining) return;
    this.#draining = true;
    const now = performance.now();
    if (now - this.#slice >= SLICE_MS) [this.#slice, this.#atOnce] = [now, 0];
    this.#atOnce += 1;
    if (this.#atOnce > MOST_AT_ONCE && !isHidden()) setTimeout(() => this.#drain(), SLICE_MS);
    else queueMicrotask(() => this.#drain());
  }

  /** Looks again at the clock, if the engine is here. */
  wake(): void {
    void this.#keeper?.wake();
  }

  /** The page is shown again, or hidden, perhaps for good. */
  look(shown: boolean): void {
    if (shown) this.wake();
    else this.#drain(Infinity);
    void this.#keeper?.settle().catch(() => undefined);
  }

  /** The page is left, and may come back if it is `kept`: a page kept for "back" must not hold the engine. */
  leave(kept: boolean): void {
    this.#keeper?.leave(() => this.#drain(Infinity));
    if (!this.#keeper) this.#drain(Infinity);
    if (kept) this.stop();
  }

  /** Stops and continues sending from this tab. */
  hold(held: boolean): void {
    this.#held = held;
    this.#keeper?.hold(held);
  }

  /** Resolves when no call waits any more, or after a while. */
  async idle(longestMs: number): Promise<void> {
    if (this.#calls.size === 0 || !this.#open) return;
    this.#drain(Infinity);
    this.#keeper?.settle().catch(() => undefined);
    const { promise, resolve } = deferred<void>();
    const alarm = new Timer(resolve);
    alarm.set(longestMs);
    this.#idle = resolve;
    await promise;
    alarm.clear();
  }

  /** Answers every waiting call with an error. */
  drop(error: KeepsetError): void {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    this.#events = 0;
    this.#batch = undefined;
    calls.forEach(({ reject }) => reject(error));
    this.#idle?.();
  }

  /** Without a lock the storage's own compare-and-swap keeps tabs from undoing each other. */
  #leadAlone(): void {
    void this.#lead({ over: new Promise(() => undefined) });
  }

  async #lead(hold: Hold): Promise<void> {
    let keeper: Holder | undefined;
    const turn = this.#turn;
    const mine = { over: false };
    void hold.over.then(() => {
      mine.over = true;
      this.#lost();
    });
    try {
      const tell = (notice: Notice): void => {
        this.#tell(notice);
        if (this.#company) this.#post({ is: "notice", notice: notice.is === "view" ? { ...notice, steps: stepsOf(notice.steps) } : notice });
      };
      keeper = await this.ends.open(this.#name, tell, (error) => keeper === this.#keeper && this.#fail(error));
    } catch (error) {
      if (turn === this.#turn) this.#fail(error);
      return;
    }
    if (mine.over || turn !== this.#turn) return keeper.close();
    this.#keeper = keeper;
    this.#elsewhere = false;
    this.#watch.clear();
    keeper.hold(this.#held);
    const view = keeper.view();
    this.ends.up(view, keeper.opening);
    this.#post({ is: "lead", view });
    this.#handOver();
    void keeper.wake();
  }

  /** The lock is gone: another tab took it, or this one gave it up. */
  #lost(): void {
    const had = this.#keeper !== undefined;
    this.#letGo();
    if (had && this.#open) {
      this.#post({ is: "hello" });
      this.#lock?.ask();
    }
  }

  #letGo(): void {
    this.#keeper?.close();
    this.#keeper = undefined;
    this.#together = undefined;
    this.#seen.clear();
  }

  #perform(keeper: Holder, id: number, { op }: Call): void {
    const call = { op, from: this.#me, id };
    if (op.do !== "track") return this.#await(keeper, keeper.do(call), [id]);
    const kept = keeper.track(call);
    if (this.#together?.kept === kept) return void this.#together.ids.push(id);
    const together = { kept, ids: [id] };
    this.#together = together;
    this.#await(keeper, kept, together.ids);
  }

  /** Passes an answer on to the calls it is for. */
  #await(keeper: Holder, answer: Promise<unknown>, ids: readonly number[]): void {
    const each = (tell: (call: Call | undefined) => void): void => {
      if (this.#together?.kept === answer) this.#together = undefined;
      ids.forEach((id) => tell(this.#take(id)));
    };
    answer.then(
      (value) => each((call) => call?.resolve(value)),
      (error: unknown) => {
        const refusal = this.#refusal(keeper, error);
        if (refusal) each((call) => call?.reject(refusal));
      },
    );
  }

  async #performFor(keeper: Holder, from: string, id: number, op: Op): Promise<void> {
    // A tab sends again what it believes unheard; its calls come in order.
    if (id <= (this.#seen.get(from) ?? 0)) return;
    this.#seen.set(from, id);
    const channel = this.#channel;
    try {
      send(channel, { is: "reply", to: from, id, value: await keeper.do({ op, from, id }) });
    } catch (error) {
      const refusal = this.#refusal(keeper, error);
      if (refusal) send(channel, { is: "reply", to: from, id, error: { code: refusal.code, message: refusal.message } });
    }
  }

  #hear(message: Message): void {
    const keeper = this.#keeper;
    this.#company = true;
    switch (message.is) {
      case "hello":
        if (keeper) this.#post({ is: "lead", view: keeper.view() });
        return;
      case "ping":
        if (keeper) this.#post({ is: "pong" });
        return;
      case "call":
        if (keeper) void this.#performFor(keeper, message.from, message.id, message.op);
        return;
    }
    if (keeper) return;
    this.#trust();
    switch (message.is) {
      case "lead":
        this.#elsewhere = true;
        this.#post({ is: "pong" });
        this.ends.up(message.view, []);
        return this.#handOver();
      case "notice":
        return this.#tell(message.notice);
      case "reply":
        if (message.to === this.#me) this.#answered(message);
    }
  }

  #answered({ id, value, error }: Message & { is: "reply" }): void {
    const call = this.#take(id);
    if (error) call?.reject(new KeepsetError(error.code, error.message));
    else call?.resolve(value);
    this.#trust();
  }

  #forward(id: number, op: Op): void {
    this.#post({ is: "call", from: this.#me, id, op });
    if (!this.#watch.isSet) this.#watch.set(PATIENCE_MS);
  }

  /** Puts a call at the end of the line. */
  #put(call: Call): void {
    this.#last += 1;
    this.#calls.set(this.#last, call);
  }

  /** Takes an answered call out. */
  #take(id: number): Call | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (call?.op.do === "track") this.#events -= call.op.events.length;
    if (this.#calls.size === 0) this.#idle?.();
    return call;
  }

  /** Hands every call to a new holder of the engine. */
  #handOver(): void {
    const [first = this.#last + 1] = this.#calls.keys();
    this.#handed = first - 1;
    this.#drain();
  }

  /** Works off the line in order, for a moment; the rest after the page had its turn. */
  #drain(longestMs = SLICE_MS): void {
    this.#draining = false;
    const keeper = this.#keeper;
    // A listener that calls the client in the middle of this comes after what is under way.
    if (this.#working || (!keeper && !this.#elsewhere)) return;
    const end = performance.now() + longestMs;
    this.#working = true;
    while (this.#handed < this.#last) {
      this.#handed += 1;
      const id = this.#handed;
      const call = this.#calls.get(id);
      if (id === this.#last) this.#batch = undefined;
      if (!call) continue;
      if (!keeper) this.#forward(id, call.op);
      else if (this.#keeper === keeper) this.#perform(keeper, id, call);
      if (this.#handed < this.#last && performance.now() >= end) {
        this.#draining = true;
        setTimeout(() => this.#drain());
        break;
      }
    }
    this.#working = false;
  }

  /** Tells that events are lost, later: a client that ends says nothing. */
  readonly #lose = (error: unknown): void => queueMicrotask(() => this.ends.lost(error as KeepsetError));

  #sayDropped(): void {
    const count = this.#dropped;
    this.#dropped = 0;
    this.ends.lost(new KeepsetError("too_many_calls", `${count} events were dropped: more than ${MOST_EVENTS} waited.`, { count }));
  }

  /** Passes a notice on, unless it is for another tab. */
  #tell(notice: Notice): void {
    if (!("to" in notice) || notice.to === undefined || notice.to === this.#me) this.ends.notice(notice);
  }

  /** The holder gave a sign of life. */
  #trust(): void {
    this.#pinged = false;
    if (this.#calls.size === 0 || !this.#elsewhere) this.#watch.clear();
    else this.#watch.set(PATIENCE_MS);
  }

  /** The holder has not answered: it gets one more chance, for it may be busy, or be gone already. */
  #doubt(): void {
    if (this.#keeper || this.#calls.size === 0) return;
    if (this.#pinged) {
      this.#pinged = false;
      this.#lock?.ask(true);
      return;
    }
    this.#pinged = true;
    this.#post({ is: "ping" });
    this.#watch.set(PING_MS);
  }

  /** Why a call was refused; nothing where the engine has let go of it, or has stopped: the next one does it. */
  #refusal(keeper: Holder, error: unknown): KeepsetError | undefined {
    if (error instanceof Gone) return undefined;
    const known = asKnown(error);
    if (known.code !== "engine_crashed") return known;
    if (keeper === this.#keeper) this.#fail(known);
    return undefined;
  }

  /** The engine has stopped, and is replaced once, here or in another tab; or it cannot be opened in this one. */
  #fail(error: unknown): void {
    const known = asKnown(error);
    this.stop();
    if (known.code === "engine_crashed" && !this.#replaced) {
      this.#replaced = true;
      this.ends.lost(known);
      return this.start();
    }
    this.drop(known);
    this.ends.failed(known);
  }

  #post(message: Message): void {
    send(this.#channel, message);
  }
}

function ignore(): void {
  // Nothing waits.
}

function asKnown(error: unknown): KeepsetError {
  return error instanceof KeepsetError ? error : crashed(error);
}

/** Sends to the other tabs. What cannot cross, an error's cause, stays behind. */
function send(channel: BroadcastChannel | undefined, message: Message): void {
  try {
    channel?.postMessage(message);
  } catch {
    if (message.is !== "notice" || message.notice.is !== "error") return;
    const { cause: _, ...notice } = message.notice;
    channel?.postMessage({ is: "notice", notice });
  }
}
