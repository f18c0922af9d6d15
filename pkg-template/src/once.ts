/** Returns what loads something once, for whoever asks; a failed attempt may be repeated. */
export function once<Given extends unknown[], T>(load: (...given: Given) => Promise<T>): (...given: Given) => Promise<T> {
  let loading: Promise<T> | undefined;
  return (...given) =>
    (loading ??= load(...given).catch((error: unknown) => {
      loading = undefined;
      throw error;
    }));
}
