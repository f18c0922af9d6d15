// A part of an add-on as WebAssembly, or, where that is forbidden or cannot be had, the same as JavaScript.
import { KeepsetError } from "./errors.js";
import { loader, type Part, type Startable } from "./loader.js";
import { once } from "./once.js";
import { hasWebAssembly } from "./support.js";
import type { WasmSource } from "./types.js";

/** Returns what loads a part once; `script` is the file that `wasm2js` wrote of it, which no page loads that has WebAssembly. */
export function either<Glue extends Startable>(part: Part<Glue>, script: () => Promise<Glue>): (given?: WasmSource | Promise<WasmSource>) => Promise<Glue> {
  const openModule = loader(part);
  const openScript = once(async () => {
    const glue = await script();
    glue.initSync();
    return glue;
  });
  return (given) =>
    openModule(given).catch((error: unknown) =>
      // Why there is no WebAssembly says more than why there is nothing else.
      openScript().catch(() => {
        throw hasWebAssembly() ? error : new KeepsetError("wasm_unsupported", "There is no WebAssembly here, and what takes its place could not be loaded.");
      }),
    );
}
