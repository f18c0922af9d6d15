import { type Deferred, deferred } from "./deferred.js";
import { isHidden } from "./host/timer.js";
import { Gone } from "./ops.js";

/** Events are saved at once after a pause, and in a rush together, so often at most: a page may be left a moment after. */
const SAVE_GAP_MS = 25;

/** Says when a profile is written: one write at a time, those asked for during a write together in the next. */
export class Saver {
  #running: Promise<void> = Promise.resolve();
  /** Writes and deletions begun and not yet done. */
  #busy = 0;
  #queued: Promise<void> | undefined;
  /** The save that waits for more events. */
  #later: (Deferred<void> & { readonly timer?: ReturnType<typeof setTimeout> }) | undefined;
  /** When the last write began. */
  #wrote = 0;
  /** The page is being left, so nothing waits for more; while it `gathers`, one write is to hold it all. */
  #leaving: boolean | "gathers" = false;
  #closed = false;

  constructor(
    private readonly write: () => Promise<void>,
    /** Runs what no one waits for. */
    private readonly guard: (work: () => Promise<void>) => void,
  ) {}

  /** Writes soon, together with what else comes by then. */
  soon(): Promise<void> {
    const rest = this.#wrote + SAVE_GAP_MS - Date.now();
    const gathers = this.#leaving === "gathers";
    // A rest longer than the gap is a device's clock set back.
    const due = this.#leaving || isHidden() || rest <= 0 || rest > SAVE_GAP_MS;
    if (this.#queued || (due && !gathers)) return this.save(this.#leaving === true);
    if (!this.#later) {
      // Not an alarm of ours: a Node process waits for what is to be saved.
      this.#later = { ...deferred<void>(), ...(gathers ? {} : { timer: setTimeout(() => this.guard(() => this.save()), rest) }) };
    }
    return this.#later.promise;
  }

  /** Writes next. With `now` it begins within this call if it can. */
  save(now = false): Promise<void> {
    const write = (): Promise<void> => {
      this.#wrote = Date.now();
      return this.write();
    };
    let saving = this.#queued;
    if (!saving && now && (this.#busy === 0 || this.#leaving)) saving = this.inTurn(write, true);
    saving ??= this.#queued = this.inTurn(() => {
      this.#queued = undefined;
      return write();
    });
    this.#begin(saving);
    return saving;
  }

  /** Does this after what is under way. */
  inTurn(work: () => Promise<void>, now = false): Promise<void> {
    const begin = (): Promise<void> => (this.#closed ? Promise.reject(new Gone()) : work());
    const turn = now ? begin() : this.#running.then(begin);
    this.#busy += 1;
    this.#running = turn.catch(() => undefined).then(() => void (this.#busy -= 1));
    return turn;
  }

  /** Waits no longer for more events. */
  async settle(): Promise<void> {
    if (this.#later) await this.save();
  }

  /** The page is left: does the rest, and whatever is saved from now on begins within its call. */
  leave(rest: () => void): void {
    this.#leaving = "gathers";
    rest();
    this.#leaving = true;
  }

  /** Begins no write any more. */
  close(): void {
    this.#closed = true;
    this.#begin(Promise.reject(new Gone()));
  }

  #begin(saving: Promise<void>): void {
    const later = this.#later;
    this.#later = undefined;
    clearTimeout(later?.timer);
    if (later) later.resolve(saving);
    else saving.catch(() => undefined);
  }
}
