// What lies beside a plain script: neither it nor a page opened from a file can import; both can add a script.

// Known only while the script runs for the first time.
const script = (globalThis as { document?: Document }).document?.currentScript as HTMLScriptElement | null | undefined;
/** The address of a file beside this script, where that is known. */
export const beside = (file: string): URL | undefined => (script?.src ? new URL(file, script.src) : undefined);

/** What a script beside this one puts into `globalThis[name]`. */
export function added<T>(file: string, name: string): Promise<T> {
  const address = beside(file);
  return new Promise((resolve, reject) => {
    if (!address) return reject(new Error("The address of the script is not known."));
    const element = document.createElement("script");
    element.src = address.href;
    element.onload = () => {
      element.remove();
      resolve((globalThis as Record<string, unknown>)[name] as T);
    };
    element.onerror = () => reject(new Error(`${file} could not be loaded.`));
    document.head.append(element);
  });
}
