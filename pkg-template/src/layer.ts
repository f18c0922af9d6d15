// A list that a page pushes commands to, such as `dataLayer`: what was pushed, and what will be.

/** A list with a `push` that may already be somebody's own. */
export interface Layer extends Iterable<unknown> {
  push(...items: unknown[]): unknown;
}

/** Reads what is in a list and what is pushed to it until `over` aborts. The page's own `push` runs first, with its result and its errors. */
export function followLayer(layer: Layer, over: AbortSignal, read: (items: readonly unknown[]) => void): void {
  const own = Object.prototype.hasOwnProperty.call(layer, "push");
  const before = layer.push;
  // Whoever wraps it after us, as Google's own script does, calls this one in turn.
  const push = function (this: unknown, ...items: unknown[]): unknown {
    const pushed = before.apply(this as Layer, items);
    if (!over.aborted) read(items);
    return pushed;
  };
  layer.push = push;
  over.addEventListener("abort", () => {
    if (layer.push !== push) return;
    if (own) layer.push = before;
    else delete (layer as Partial<Layer>).push;
  });
  read([...layer]);
}
