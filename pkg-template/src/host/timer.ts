/** Longer waits overflow a timer and fire at once; waking twice a month costs nothing. */
const LONGEST_MS = 14 * 86_400_000;

/** One alarm that can be moved. It never keeps a Node process alive. */
export class Timer {
  #handle: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly ring: () => void) {}

  /** Rings once after a while, forgetting any earlier setting. Far alarms ring early: the ringer looks again. */
  set(delayMs: number): void {
    this.clear();
    this.#handle = setTimeout(() => {
      this.#handle = undefined;
      this.ring();
    }, Math.min(Math.max(delayMs, 0), LONGEST_MS));
    (this.#handle as { unref?: () => void }).unref?.();
  }

  /** Says whether it will ring. */
  get isSet(): boolean {
    return this.#handle !== undefined;
  }

  /** Forgets the setting. */
  clear(): void {
    if (this.#handle !== undefined) clearTimeout(this.#handle);
    this.#handle = undefined;
  }
}

/** The timers of a page nobody sees may rest for a minute. */
export function isHidden(): boolean {
  return (globalThis as { document?: { visibilityState?: string } }).document?.visibilityState === "hidden";
}
