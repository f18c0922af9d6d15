/** Stops what it was returned for. Calling it again does nothing. */
export type Unsubscribe = () => void;

type Listener = (event: never) => void;

/** Shows an error of the page's own listener as the page's own, as an event target would. */
export function surface(error: unknown): void {
  const report = (globalThis as { reportError?: (error: unknown) => void }).reportError;
  if (typeof report === "function") report(error);
  else console.error(error);
}

/** Does what others wrote, and never fails: what it throws is shown as the page's own. */
export function safely(act: () => void): void {
  try {
    act();
  } catch (error) {
    surface(error);
  }
}

/** Returns what ends something, now or when the signal aborts. */
export function endedBy(signal: AbortSignal | undefined, end: () => void): Unsubscribe {
  const stop = (): void => {
    signal?.removeEventListener("abort", stop);
    end();
  };
  signal?.addEventListener("abort", stop);
  return stop;
}

/** Typed listeners by event name; a listener that throws does not stop the next. */
export class Emitter<Events extends object> {
  #listeners = new Map<keyof Events, Set<Listener>>();

  /** Adds a listener until the returned function, its signal or `clear` removes it. */
  on<K extends keyof Events>(
    type: K,
    listener: (event: Events[K]) => void,
    options?: { once?: boolean; signal?: AbortSignal },
  ): Unsubscribe {
    const set = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, set);
    // A function of its own for every call, so that adding one listener twice is two listeners.
    const entry = ((event: Events[K]) => {
      if (options?.once) off();
      listener(event);
    }) as Listener;
    const off = (): void => {
      set.delete(entry);
      options?.signal?.removeEventListener("abort", off);
    };
    if (options?.signal?.aborted) return off;
    options?.signal?.addEventListener("abort", off);
    set.add(entry);
    return off;
  }

  /** Tells whether anyone listens. */
  hears(type: keyof Events): boolean {
    return (this.#listeners.get(type)?.size ?? 0) > 0;
  }

  /** Calls the listeners of an event, in the order they were added. */
  emit<K extends keyof Events>(type: K, event: Events[K]): void {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) safely(() => (listener as (event: Events[K]) => void)(event));
  }

  /** Removes every listener. */
  clear(): void {
    this.#listeners.clear();
  }
}
