// Keepset from a plain script tag: `keepset.init(...)`.
import { engineAt } from "./engine.js";
import { isKeepsetError, KeepsetError } from "./errors.js";
import { api } from "./start.js";
import { version } from "./version.js";

// Known only while the script runs for the first time.
const script = (globalThis as { document?: Document }).document?.currentScript as HTMLScriptElement | null | undefined;
const beside = (file: string): URL | undefined => (script?.src ? new URL(file, script.src) : undefined);

/** A page opened from a file cannot fetch; it can still add a script that brings the copy. */
function inline(): Promise<string> {
  const address = beside("./core-inline.global.js");
  return new Promise((resolve, reject) => {
    if (!address) return reject(new KeepsetError("wasm_load_failed", "The script's address is not known; name core.wasm in the option `wasm`."));
    const element = document.createElement("script");
    element.src = address.href;
    element.onload = () => {
      element.remove();
      resolve((globalThis as { keepsetCore?: string }).keepsetCore ?? "");
    };
    element.onerror = () => reject(new KeepsetError("wasm_load_failed", "core-inline.global.js could not be loaded."));
    document.head.append(element);
  });
}

(globalThis as { keepset?: unknown }).keepset = Object.freeze({
  ...api(engineAt({ url: () => beside("./core.wasm"), inline })),
  isKeepsetError,
  KeepsetError,
  version,
});
