// The engine's glue as wasm-bindgen writes it, made fit for every runtime.
import { readFileSync } from "node:fs";

/** What is replaced, and by what. Each must occur exactly once, so that a new wasm-bindgen is looked at, not guessed. */
const CHANGES = [
  // The random source asks for `self`, which Node does not have; without it, it would call `module.require`, which
  // modules do not have.
  [/\bself\.self\b/g, "globalThis"],
  [/const ret = module;/g, "const ret = undefined;"],
  // The keeper frees its engine itself; what guards against forgetting it would only be loaded.
  [/CoreFinalization\.unregister\(this\);/g, ""],
  [/CoreFinalization\.register\(this, this\.__wbg_ptr, this\);/g, ""],
  [/const CoreFinalization = [^;]*FinalizationRegistry\([^;]*;/g, ""],
  [/if \(Symbol\.dispose\) Core\.prototype\[Symbol\.dispose\] = Core\.prototype\.free;/g, ""],
  // Every browser of the package writes texts into bytes by itself.
  [/if \(!\('encodeInto' in cachedTextEncoder\)\) \{[^]*?\n\}\n/g, ""],
];

/** Returns the text of core.js. */
export function glue(path) {
  return CHANGES.reduce((text, [from, to]) => {
    const found = text.match(from)?.length ?? 0;
    if (found !== 1) throw new Error(`${path}: expected ${from} once and found it ${found} times`);
    return text.replace(from, to);
  }, readFileSync(path, "utf8"));
}
