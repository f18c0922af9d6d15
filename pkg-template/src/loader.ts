import { fromBase64 } from "./bytes.js";
import { Core, initSync } from "./core.js";
import { KeepsetError } from "./errors.js";
import { hasWebAssembly } from "./support.js";
import type { WasmSource } from "./types.js";

/** Where an entry of the package finds its module. */
export interface WasmHome {
  /** The file beside the script; left out where there is none. */
  url?: () => URL | undefined;
  /** The copy inside the package, in base64; left out where WebAssembly cannot be compiled from bytes. */
  inline?: () => Promise<string>;
}

/** The smallest module there is: it compiles wherever compiling is allowed. */
const EMPTY_MODULE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

let loading: Promise<typeof Core> | undefined;

/** Loads the engine once for all clients; a failed attempt may be repeated. */
export function loadCore(home: WasmHome, given: WasmSource | Promise<WasmSource> | undefined): Promise<typeof Core> {
  loading ??= load(home, given).catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function load(home: WasmHome, given: WasmSource | Promise<WasmSource> | undefined): Promise<typeof Core> {
  if (!hasWebAssembly()) throw new KeepsetError("wasm_unsupported", "This browser has no WebAssembly, so segments cannot be computed here.");
  refuseIfBlocked();
  const module = given === undefined ? await fromHome(home) : await fromGiven(await given);
  try {
    initSync({ module });
  } catch (cause) {
    throw new KeepsetError("wasm_load_failed", "The WebAssembly module is not the one of this version of the package.", { cause });
  }
  return Core;
}

/** Tries the policy before anything is fetched: a page that forbids WebAssembly should not pay for a download. */
function refuseIfBlocked(): void {
  try {
    new WebAssembly.Module(EMPTY_MODULE);
  } catch (cause) {
    throw new KeepsetError("csp_blocked", "The page's content security policy forbids WebAssembly: add 'wasm-unsafe-eval' to script-src.", { cause });
  }
}

/** The file first, for caching and size; the copy inside the package when the file is not what came back. */
async function fromHome({ url, inline }: WasmHome): Promise<WebAssembly.Module> {
  let cause: unknown;
  const address = url?.();
  if (address) {
    try {
      return compile(await download(address.href));
    } catch (error) {
      cause = error;
    }
  }
  if (inline) {
    try {
      return compile(fromBase64(await inline()));
    } catch (error) {
      cause = error;
    }
  }
  if (cause instanceof KeepsetError) throw cause;
  throw new KeepsetError("wasm_load_failed", "The WebAssembly module could not be loaded: serve core.wasm beside the script or name it in the option `wasm`.", { cause });
}

async function fromGiven(source: WasmSource): Promise<WebAssembly.Module> {
  try {
    if (source instanceof WebAssembly.Module) return source;
    if (source instanceof ArrayBuffer) return compile(new Uint8Array(source));
    if (ArrayBuffer.isView(source)) return compile(new Uint8Array(source.buffer, source.byteOffset, source.byteLength));
    if (typeof Response === "function" && source instanceof Response) return compile(new Uint8Array(await source.arrayBuffer()));
    return compile(await download(source as string | URL | Request));
  } catch (cause) {
    if (cause instanceof KeepsetError) throw cause;
    throw new KeepsetError("wasm_load_failed", "The WebAssembly module named in the option `wasm` could not be loaded.", { cause });
  }
}

/** Fetches whole, never as a stream: streaming fails where a webview serves the file without its type. */
async function download(source: string | URL | Request): Promise<Uint8Array> {
  const response = await fetch(source, { credentials: "omit" });
  return new Uint8Array(await response.arrayBuffer());
}

/** Compiles bytes after looking at them: some servers answer any address with 200 and a page. */
function compile(bytes: Uint8Array): WebAssembly.Module {
  if (!EMPTY_MODULE.every((byte, index) => bytes[index] === byte)) {
    throw new KeepsetError("wasm_load_failed", "What came back from the address of core.wasm is no WebAssembly module.");
  }
  // Synchronous on purpose: at this size it is faster than the asynchronous form, which waits for a thread.
  return new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
}
