// The glue of the modules as wasm-bindgen writes it, made fit for every runtime.
import { readFileSync } from "node:fs";

/** What is replaced, and by what. Each must occur exactly once, so that a new wasm-bindgen is looked at, not guessed. */
const CHANGES = {
  both: [
    // Every browser of the package writes texts into bytes by itself.
    [/if \(!\('encodeInto' in cachedTextEncoder\)\) \{[^]*?\n\}\n/g, ""],
  ],
  core: [
    // The random source asks for `self`, which Node does not have; without it, it would call `module.require`, which
    // modules do not have.
    [/\bself\.self\b/g, "globalThis"],
    [/const ret = module;/g, "const ret = undefined;"],
    // The keeper frees its engine itself; what guards against forgetting it would only be loaded.
    [/CoreFinalization\.unregister\(this\);/g, ""],
    [/CoreFinalization\.register\(this, this\.__wbg_ptr, this\);/g, ""],
    [/const CoreFinalization = [^;]*FinalizationRegistry\([^;]*;/g, ""],
    [/if \(Symbol\.dispose\) Core\.prototype\[Symbol\.dispose\] = Core\.prototype\.free;/g, ""],
  ],
  study: [],
};

/** Returns the text of the glue of `core` or `study`, which lies in `folder`. */
export function glue(folder, name) {
  return [...CHANGES.both, ...CHANGES[name]].reduce((text, [from, to]) => {
    const found = text.match(from)?.length ?? 0;
    if (found !== 1) throw new Error(`${name}.js: expected ${from} once and found it ${found} times`);
    return text.replace(from, to);
  }, readFileSync(`${folder}/${name}.js`, "utf8"));
}
