// What stands in the page for an engine that is in a worker: hands calls over, keeps them until they are answered, and starts the
// worker again when it is gone.
import { deferred, type Deferred } from "../deferred.js";
import type { Holder } from "../engine.js";
import { read } from "../host/clock.js";
import { Timer } from "../host/timer.js";
import { KeepsetError } from "../index.js";
import type { Notice, Signed, Steps, View } from "../ops.js";
import type { Clock, Consent } from "../types.js";
import type { Around, Crossing, Down, Failure, Up } from "./messages.js";

/** A worker that says nothing within this time is not there. */
const START_MS = 10_000;
/** One that neither answers a call nor a ping within these times has died. */
const PATIENCE_MS = 4_000;
const PING_MS = 2_000;
/** One that is told to end may still store what it has. */
const LAST_MS = 1_000;
/** A worker that dies so often would die again; whoever asked for the engine may open it anew. */
const MOST_STARTS = 2;

interface Waiting extends Pick<Deferred<unknown>, "resolve" | "reject"> {
  readonly call: Signed;
}

export class Remote implements Holder {
  readonly #waiting = new Map<number, Waiting>();
  readonly #opened = deferred<boolean>();
  /** Resolves when the engine is there; to `false` where no worker is, or it may not run the engine. Rejects with what the engine refuses. */
  readonly opened: Promise<boolean> = this.#opened.promise;
  readonly #watch = new Timer(() => this.#doubt());
  #worker: Worker | undefined;
  #view: View | undefined;
  /** The worker that is there now has opened the engine. */
  #ready = false;
  #opening: Steps = [];
  #starts = 0;
  #last = 0;
  #pinged = false;
  #held = false;
  #closed = false;

  constructor(
    private readonly make: () => Worker,
    private readonly options: Crossing,
    private readonly clock: Clock,
    private readonly confirm: Consent["confirm"],
    private readonly tell: (notice: Notice) => void,
    private readonly fail: (error: KeepsetError) => void,
  ) {
    this.#start();
  }

  get opening(): Steps {
    return this.#opening;
  }

  view(): View {
    return this.#view as View;
  }

  async wake(): Promise<void> {
    this.#post({ is: "wake" });
  }

  async settle(): Promise<void> {
    this.#post({ is: "settle" });
  }

  hold(held: boolean): void {
    this.#held = held;
    this.#post({ is: "hold", held });
  }

  track(call: Signed): Promise<unknown> {
    return this.do(call);
  }

  /** Hands a call over. What has no answer when the worker dies is handed to the next one, which does it once. */
  do(call: Signed): Promise<unknown> {
    const { promise, resolve, reject } = deferred<unknown>();
    const id = (this.#last += 1);
    this.#waiting.set(id, { call, resolve, reject });
    if (this.#ready) this.#post({ is: "call", id, call });
    if (!this.#watch.isSet) this.#watch.set(PATIENCE_MS);
    return promise;
  }

  leave(rest: () => void): void {
    rest();
    this.#post({ is: "leave" });
  }

  /** Lets go of the engine. Calls without an answer are never answered: whoever holds the engine next does them. */
  close(): void {
    this.#post({ is: "close" });
    this.#closed = true;
    this.#watch.clear();
    const worker = this.#worker;
    setTimeout(() => worker?.terminate(), LAST_MS);
  }

  #start(): void {
    this.#starts += 1;
    this.#ready = false;
    this.#watch.set(START_MS);
    try {
      const worker = (this.#worker = this.make());
      worker.onmessage = ({ data }: MessageEvent<Up>) => this.#closed || this.#hear(data);
      // Its script did not come, or threw where nobody caught it.
      worker.onerror = (event) => (event.preventDefault(), this.#died(worker));
      this.#post({ is: "open", options: this.options });
    } catch {
      this.#died(undefined);
    }
  }

  #hear(message: Up): void {
    switch (message.is) {
      case "open":
        return this.#open(message.notice);
      case "reply":
        this.#answered(message);
        break;
      case "notice":
        if (message.notice.is === "view") this.#view = message.notice.view;
        this.tell(message.notice);
        break;
      case "confirm":
        void this.#confirm(message);
        break;
      case "failed":
        return this.#failed(message.error);
    }
    this.#trust();
  }

  #open(notice: Extract<Notice, { is: "view" }>): void {
    const first = this.#view === undefined;
    this.#view = notice.view;
    this.#ready = true;
    this.#trust();
    if (first) {
      this.#opening = notice.steps;
      return this.#opened.resolve(true);
    }
    this.tell(notice);
    this.hold(this.#held);
    for (const [id, { call }] of this.#waiting) this.#post({ is: "call", id, call });
    void this.wake();
  }

  /** Says whether something may leave; what fails is a no. */
  async #confirm({ id, purpose }: Extract<Up, { is: "confirm" }>): Promise<void> {
    let yes = false;
    try {
      yes = (await this.confirm?.(purpose)) === true;
    } catch {
      // Nothing leaves.
    }
    this.#post({ is: "confirmed", id, yes });
  }

  #answered({ id, value, error }: Extract<Up, { is: "reply" }>): void {
    const call = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) call?.reject(known(error));
    else call?.resolve(value);
  }

  /** The engine cannot be opened, or has stopped. A policy may allow in the page what it forbids in a worker. */
  #failed(error: Failure): void {
    const opened = this.#view !== undefined;
    this.close();
    if (opened) this.fail(known(error));
    else if (error.code === "csp_blocked") this.#opened.resolve(false);
    else this.#opened.reject(known(error));
  }

  /** It gave a sign of life. */
  #trust(): void {
    this.#pinged = false;
    if (this.#waiting.size === 0 && this.#ready) this.#watch.clear();
    else this.#watch.set(this.#ready ? PATIENCE_MS : START_MS);
  }

  #doubt(): void {
    if (!this.#ready || this.#pinged) return this.#died(this.#worker);
    this.#pinged = true;
    this.#post({ is: "ping" });
    this.#watch.set(PING_MS);
  }

  #died(worker: Worker | undefined): void {
    worker?.terminate();
    // The last word of one that was ended is none of the next one's.
    if (this.#closed || worker !== this.#worker) return;
    this.#pinged = false;
    if (this.#view && this.#starts < MOST_STARTS) return this.#start();
    this.#closed = true;
    this.#watch.clear();
    if (this.#view) this.fail(known({ code: "engine_crashed", message: "The worker that holds the engine keeps dying." }));
    else this.#opened.resolve(false);
  }

  #post(message: Down): void {
    if (this.#closed) return;
    const { navigator } = globalThis as { navigator?: { globalPrivacyControl?: unknown } };
    const around: Around = { ahead: read(this.clock) - Date.now(), privacy: navigator?.globalPrivacyControl };
    this.#worker?.postMessage({ ...around, ...message });
  }
}

const known = ({ code, message }: Failure): KeepsetError => new KeepsetError(code, message);
