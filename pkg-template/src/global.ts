// Keepset from a plain script tag: `keepset.init(...)`.
import { engineAt } from "./engine.js";
import { isKeepsetError, KeepsetError } from "./errors.js";
import { api } from "./start.js";
import { version } from "./version.js";

// Known only while the script runs for the first time.
const script = (globalThis as { document?: Document }).document?.currentScript as HTMLScriptElement | null | undefined;
const beside = (file: string): URL | undefined => (script?.src ? new URL(file, script.src) : undefined);

/**
 * What a script beside this one puts into `globalThis[name]`. Neither a plain script nor a page opened from a file can import;
 * both can add a script.
 */
function added<T>(file: string, name: string): Promise<T> {
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

(globalThis as { keepset?: unknown }).keepset = Object.freeze({
  ...api(
    engineAt(
      { url: () => beside("./core.wasm"), inline: () => added("./core-inline.global.js", "keepsetCoreBytes") },
      {
        glue: () => added("./report.global.js", "keepsetReport"),
        url: () => beside("./report.wasm"),
        inline: () => added("./report-inline.global.js", "keepsetReportBytes"),
      },
      {
        glue: () => added("./study.global.js", "keepsetStudy"),
        url: () => beside("./study.wasm"),
        inline: () => added("./study-inline.global.js", "keepsetStudyBytes"),
      },
    ),
  ),
  isKeepsetError,
  KeepsetError,
  version,
});
