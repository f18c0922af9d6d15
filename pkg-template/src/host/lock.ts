import { deferred } from "../deferred.js";

const PREFIX = "keepset:";

/** What a tab holds while it holds the lock. */
export interface Hold {
  /** Settles when the lock was taken away or given up; the engine must be let go before anything else. */
  readonly over: Promise<void>;
}

/**
 * One holder per name among all tabs of a site, by the Web Locks API: the browser itself gives the lock on when a tab
 * crashes.
 */
export class TabLock {
  #asking: AbortController | undefined;
  #release: (() => void) | undefined;

  constructor(
    private readonly name: string,
    private readonly got: (hold: Hold) => void,
    private readonly refused: () => void,
  ) {}

  /** Says whether tabs can agree here at all: not without a secure context. */
  static available(): boolean {
    try {
      return typeof navigator.locks?.request === "function" && typeof BroadcastChannel === "function";
    } catch {
      return false;
    }
  }

  /** Asks for the lock and waits for it as long as it takes. `steal` takes it from a tab that does not answer. */
  ask(steal = false): void {
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    let granted = false;
    const over = deferred<void>();
    // `steal` and `signal` exclude each other.
    const options: LockOptions = steal ? { steal } : { signal: asking.signal };
    navigator.locks
      .request(PREFIX + this.name, options, () => {
        if (asking.signal.aborted) return undefined;
        granted = true;
        return new Promise<void>((resolve) => {
          this.#release = () => {
            resolve();
            over.resolve();
          };
          this.got({ over: over.promise });
        });
      })
      .then(over.resolve, () => {
        over.resolve();
        // A frame without an origin has the API and may not use it.
        if (!granted && !asking.signal.aborted) this.refused();
      });
  }

  /** Gives the lock up, or stops asking for it. */
  release(): void {
    this.#asking?.abort();
    this.#asking = undefined;
    this.#release?.();
    this.#release = undefined;
  }
}
