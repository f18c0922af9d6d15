import { download } from "./host/download.js";
import { refuseIfBlocked } from "./loader.js";

/** A file that is asked for before anyone knows whether it is needed: once, and called off when it is not. */
export class Guess {
  #coming: Promise<Uint8Array> | undefined;
  #off: AbortController | undefined;
  #taken = false;

  /** Asks for it, unless it was taken or is on its way. */
  make(address: URL | undefined): void {
    if (!address || this.#taken || this.#coming) return;
    this.#off = new AbortController();
    this.#coming = ask(address, this.#off.signal);
    this.#coming.catch(() => undefined);
  }

  /** Its bytes, if it was asked for. From now on it is known to be needed. */
  take(): Promise<Uint8Array> | undefined {
    const coming = this.#coming;
    this.#taken = true;
    this.#coming = undefined;
    return coming;
  }

  /** It is not needed, at least not yet. */
  drop(): void {
    if (this.#coming) this.#off?.abort();
    this.#coming = undefined;
  }
}

async function ask(address: URL, signal: AbortSignal): Promise<Uint8Array> {
  refuseIfBlocked();
  return download(address, signal);
}
