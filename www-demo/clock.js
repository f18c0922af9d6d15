/** The demo's clock: the real time plus the days the visitor has skipped. */

export const DAY = 86_400_000;
const KEY = "little-fennel-days-skipped";

/** A clock that can be moved forwards. It is remembered only where the visitor lets the page remember. */
export class DemoClock {
  #skipped = 0;
  #listeners = new Set();
  #remembers = false;

  constructor() {
    this.#skipped = remembered();
    addEventListener("storage", ({ key }) => {
      if (key === KEY && remembered() > this.#skipped) this.#moveTo(remembered());
    });
  }

  /** The time now, in milliseconds since 1970. */
  now() {
    return Date.now() + this.#skipped * DAY;
  }

  /** How many days were skipped. */
  get skipped() {
    return this.#skipped;
  }

  /** Calls back whenever the clock was moved by hand; returns a function that stops it. */
  onJump(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Moves the clock forwards. */
  skip(days) {
    this.#moveTo(this.#skipped + days);
    this.remember(this.#remembers);
  }

  /** Starts or stops remembering the skipped days across reloads, as the visitor's storage switch says. */
  remember(allowed) {
    this.#remembers = allowed;
    try {
      if (allowed && this.#skipped > 0) localStorage.setItem(KEY, String(this.#skipped));
      else localStorage.removeItem(KEY);
    } catch {
      // A browser that refuses storage forgets the skipped days with everything else.
    }
  }

  /** Goes back to the real time and forgets. Only for a device that has forgotten everything else as well. */
  reset() {
    this.#moveTo(0);
    this.remember(false);
  }

  #moveTo(days) {
    this.#skipped = days;
    for (const listener of [...this.#listeners]) listener();
  }
}

function remembered() {
  try {
    const days = Number(localStorage.getItem(KEY));
    return Number.isInteger(days) && days > 0 ? days : 0;
  } catch {
    return 0;
  }
}
