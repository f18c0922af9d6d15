// The glue of the modules as wasm-bindgen writes it, made fit for every runtime, without what none of ours needs.
import { readFileSync } from "node:fs";

const OFTEN = Infinity;

/** Where the page's own random source is looked for. */
const GLOBAL = [
  [/const ret = typeof globalThis === .*;\s*return .*;/g, "return addToExternrefTable0(globalThis);"],
  [/const ret = typeof global === .*;\s*return .*;/g, ""],
  [/const ret = typeof self === .*;\s*return .*;/g, ""],
  [/const ret = typeof window === .*;\s*return .*;/g, ""],
];

/** Every browser of the package writes texts into bytes by itself. */
const ENCODES = [/if \(!\('encodeInto' in cachedTextEncoder\)\) \{[^]*?\n\}\n/g, ""];

/** In the glue of a module that takes in texts. */
const TEXTS = [
  ENCODES,
  // Every call gives what grows a text's memory.
  [/if \(realloc === undefined\) \{[^]*?\n {4}\}\n/g, ""],
];

/** In the glue of a module that takes in values of the page. */
const VALUES = [
  // A memory has grown when its buffer is empty.
  [/cachedDataViewMemory0\.buffer\.detached === true \|\| \(cachedDataViewMemory0\.buffer\.detached === undefined && .*\)\) \{/g, "cachedDataViewMemory0.buffer.byteLength === 0) {"],
  // Our own code checked the arguments; what frees some of them when another cannot be passed would only be loaded.
  [/try \{([^{}]*)\} catch \(e\) \{(?:\s*if \(ptr\d\) \{.*\})+\s*throw e;\s*\}/g, "$1", OFTEN],
];

/** In every glue. */
const ALL = [
  // Two modules of one source differ in it alone.
  [/\/\* @ts-self-types=.* \*\/\n/g, ""],
  // No page makes the two gigabytes of texts after which old Safaris read no more.
  [/ {4}numBytesDecoded \+= [^]*?\n {4}\}\n/g, ""],
  // The loader gives a module and no address, and no one asks what was started.
  [/if \(module !== undefined\) \{\n {8}if \(Object[^]*?\n {4}\}\n/g, "({ module } = module);\n"],
  [/if \(!\(module instanceof WebAssembly\.Module\)\) \{[^]*?\n {4}\}\n/g, ""],
  // Started again, it is bound to another instance: the one before may be broken.
  [/(?<=function initSync\(module\) \{\n) {4}if \(wasm !== undefined\) return wasm;\n/g, ""],
  [/let wasmModule, wasmInstance, wasm;/g, "let wasm;"],
  [/wasmInstance = instance;/g, ""],
  [/wasmModule = module;/g, ""],
];

/** The random source of OpenDP asks for `self`, which Node does not have; given `globalThis`, it asks for nothing else. */
const RANDOM = [
  [/\bself\.self\b/g, "globalThis"],
  [/const ret = arg0\.require\(.*\);\s*return ret;/g, ""],
  [/arg0\.randomFillSync\(.*\);/g, ""],
];

/** In the glue of every module that `wasm2js` writes as JavaScript. */
const NOWASM = [
  [/function initSync\(module\) \{[^]*?\n\}\n/g, "function initSync() { return (wasm = instantiate(__wbg_get_imports())); }\n"],
  [/export \{ initSync, __wbg_init as default \};/g, "export { initSync };"],
  // The first slot behind the values that every heap begins with; wasm-bindgen puts it in by itself only where objects have a table.
  [/import \* as import1 from "__wbindgen_externref_xform__"\n/g, "const import1 = { __wbindgen_externref_statics_end: () => 1028 };\n"],
  [/if \(idx < 1028\) return;/g, "if (idx < 1028) return;"],
  // A memory that has grown is another buffer; nothing takes the old one's bytes away.
  [/cachedDataViewMemory0\.buffer\.detached === true \|\| \(cachedDataViewMemory0\.buffer\.detached === undefined && (.*)\)\) \{/g, "$1) {"],
  [/(cached\w+Memory0)\.byteLength === 0\) \{/g, "$1.buffer !== wasm.memory.buffer) {", OFTEN],
];

/** What is replaced, and by what. Each must occur once, or often where that is said: a new wasm-bindgen is looked at, not guessed. */
const CHANGES = {
  core: [
    ...ALL,
    // Texts come in seldom, and short.
    [/function passStringToWasm0\(arg, malloc, realloc\) \{[^]*?\n\}\n/g, "function passStringToWasm0(arg, malloc) { return passArray8ToWasm0(cachedTextEncoder.encode(arg), malloc); }\n"],
    [/(?<=passStringToWasm0\(ret, wasm\.__wbindgen_malloc), wasm\.__wbindgen_realloc/g, ""],
    ENCODES,
    ...VALUES,
    // The keeper frees its engine itself; what guards against forgetting it would only be loaded.
    [/CoreFinalization\.unregister\(this\);/g, ""],
    [/CoreFinalization\.register\(this, this\.__wbg_ptr, this\);/g, ""],
    [/const CoreFinalization = [^;]*FinalizationRegistry\([^;]*;/g, ""],
    [/if \(Symbol\.dispose\) Core\.prototype\[Symbol\.dispose\] = Core\.prototype\.free;/g, ""],
    // What a change says of its rules is freed with the last change that may be asked; nobody frees it by hand.
    [/(?<=class Rules \{[^]*)__destroy_into_raw\(\) \{[^]*?\n {4}\}\n {4}free\(\) \{[^]*?\n {4}\}\n/g, ""],
    [/if \(Symbol\.dispose\) Rules\.prototype\[Symbol\.dispose\] = Rules\.prototype\.free;/g, ""],
    [/\(typeof FinalizationRegistry === 'undefined'\)\s*\? [^;]*?: (new FinalizationRegistry\([^;]*;)/g, "$1"],
    [/__wbg_ptr/g, "ptr", OFTEN],
  ],
  report: [
    ...ALL,
    ...GLOBAL,
    ...RANDOM,
    [/const ret = module;\s*return ret;/g, ""],
  ],
  study: [...ALL, ...TEXTS, ...VALUES],
  sentiment: [...ALL, ...TEXTS],
  choose: [...ALL, ...TEXTS],
  adapt: [...ALL, ...TEXTS],
  restore: ALL,
  "core-nowasm": [...NOWASM, ...TEXTS],
  "report-nowasm": [
    ...NOWASM,
    ...RANDOM.map(([from, to]) => [new RegExp(from.source.replace("arg0", "getObject\\(arg0\\)").replace("return ret;", "return addHeapObject\\(ret\\);"), "g"), to]),
    [/const ret = module;\s*return addHeapObject\(ret\);/g, ""],
  ],
  "study-nowasm": [...NOWASM, ...TEXTS],
  "sentiment-nowasm": [...NOWASM, ...TEXTS],
  "choose-nowasm": [...NOWASM, ...TEXTS],
  "adapt-nowasm": [...NOWASM, ...TEXTS],
  "restore-nowasm": NOWASM,
};

CHANGES["core-full"] = CHANGES.core;

/** The glue of a core as a function that makes it, for a page may have two. */
const BOUND = [
  [/^export (?=class )/gm, "", 2],
  [/export \{ initSync.*\};/g, "return { Core, initSync };"],
];

/** Returns the text of the glue of a module, which lies in `folder`. */
export function glue(folder, name) {
  const text = changed(readFileSync(`${folder}/${name}.js`, "utf8"), name, CHANGES[name]);
  return name.startsWith("core") ? `export function bind() {\n${changed(text, name, BOUND)}}\n` : text;
}

const changed = (text, name, changes) =>
  changes.reduce((text, [from, to, most = 1]) => {
    const found = text.match(from)?.length ?? 0;
    if (found < 1 || found > most) throw new Error(`${name}.js: expected ${from} once and found it ${found} times`);
    return text.replace(from, to);
  }, text);
