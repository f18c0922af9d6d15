import { type Visitor, visit } from "./visits.js";

/** Tells the client what happened: small numbers, and names the page itself gave. */
export type Track = (event: string, facts?: Record<string, number | string>) => void;
/** The path whose view was told last. */
export type Told = { path?: string };

/** What a kind may do: listen, wait and tell, all of it ended by one signal. Nothing it does throws into the page. */
export interface Watch {
  readonly track: Track;
  readonly signal: AbortSignal;
  readonly told: Told;
  /** Listens to what the browser tells, before the page does and without a say in it; what scripts make up does not count. */
  on<E extends Event>(types: string, listener: (event: E) => unknown, until?: AbortSignal): void;
  /** Is told when a route or the page is left and arrived at. */
  visits(visitor: Visitor): void;
  /** Rings once, after a while, if the kind still runs; `clearTimeout` gives it up. */
  after(ms: number, ring: () => void): ReturnType<typeof setTimeout>;
}

/** Makes what one kind is given. */
export const watchOf = (track: Track, signal: AbortSignal, told: Told): Watch => ({
  track,
  signal,
  told,
  on(types, listener, until = signal) {
    const heard = guarded((event: Event) => event.isTrusted && listener(event as never));
    for (const type of types.split(" ")) addEventListener(type, heard, { capture: true, passive: true, signal: until });
  },
  visits: (visitor) => visit(visitor, signal),
  after: (ms, ring) => setTimeout(guarded(() => signal.aborted || ring()), ms),
});

/** The same function, whose errors stay here: better one event too few than an error in somebody's page. */
export function guarded<A extends unknown[]>(work: (...args: A) => unknown): (...args: A) => void {
  return (...args) => {
    try {
      work(...args);
    } catch {
      // See above.
    }
  };
}

/** Milliseconds that only grow. */
export const now = (): number => performance.now();

/** The elements an event went through, innermost first, open shadow trees included. */
export const pathOf = (event: Event): Element[] => event.composedPath().filter((node): node is Element => node instanceof Element);

/** The link an event went through, if any. */
export const linkOf = (path: readonly Element[]): HTMLAnchorElement | undefined =>
  path.find((element): element is HTMLAnchorElement => element.matches("a[href],area[href]"));
