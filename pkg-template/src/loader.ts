import { bytesOf, fromBase64 } from "./bytes.js";
import { KeepsetError } from "./errors.js";
import { download } from "./host/download.js";
import { once } from "./once.js";
import type { WasmSource } from "./types.js";

/** Where an entry of the package finds the bytes of a module. */
export interface Home {
  /** The file beside the script; left out where there is none. */
  url?: (() => URL | undefined) | undefined;
  /** The copy inside the package. */
  inline: () => Promise<{ readonly base64: string }>;
}

/** A module of the package: its name, its glue, and where its bytes are. */
export interface Part<Glue> extends Home {
  name: "core" | "core-full" | "report" | "study" | "sentiment" | "choose" | "adapt" | "restore";
  glue: () => Glue | Promise<Glue>;
  /** Its bytes, where the file was asked for before it was known to be needed. */
  early?: () => Promise<Uint8Array> | undefined;
}

/** What every glue can do; one of a module as JavaScript needs no module. */
export interface Startable {
  initSync(options?: { module: WebAssembly.Module }): unknown;
}

/** The smallest module there is: it compiles wherever compiling is allowed. */
const EMPTY_MODULE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

/** Returns what loads a part once for all clients; a failed attempt may be repeated. */
export function loader<Glue extends Startable>(part: Part<Glue>): (given?: WasmSource | Promise<WasmSource>) => Promise<Glue> {
  return once((given) => load(part, given));
}

async function load<Glue extends Startable>(part: Part<Glue>, given: WasmSource | Promise<WasmSource> | undefined): Promise<Glue> {
  refuseIfBlocked();
  const from = given === undefined ? ", neither beside the script nor inside the package" : " from the option `wasm`";
  let wrong = `could not be loaded${from}`;
  try {
    const [glue, module] = await Promise.all([part.glue(), given === undefined ? fromHome(part) : fromGiven(await given)]);
    wrong = "is not the one of this version of the package";
    glue.initSync({ module });
    return glue;
  } catch (cause) {
    throw new KeepsetError("wasm_load_failed", `${part.name}.wasm ${wrong}.`, { cause });
  }
}

/** Tries the policy before anything is fetched: a page that forbids WebAssembly should not pay for a download. */
export function refuseIfBlocked(): void {
  try {
    new WebAssembly.Module(EMPTY_MODULE);
  } catch (cause) {
    throw new KeepsetError("csp_blocked", "The page's content security policy forbids WebAssembly: add 'wasm-unsafe-eval' to script-src.", { cause });
  }
}

/** The file first, for caching and size; the copy inside the package when the file is not what came back. */
async function fromHome({ url, early, inline }: Pick<Part<unknown>, "url" | "early" | "inline">): Promise<WebAssembly.Module> {
  const address = url?.();
  try {
    const bytes = await (early?.() ?? (address && download(address)));
    if (bytes) return compile(bytes);
  } catch {
    // Falls through to the copy.
  }
  return compile(fromBase64((await inline()).base64));
}

async function fromGiven(source: WasmSource): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  return compile(bytesOf(source) ?? (await download(source as string | URL | Request | Response)));
}

/** Compiles bytes after looking at them: some servers answer any address with 200 and a page. */
function compile(bytes: Uint8Array): WebAssembly.Module {
  if (!EMPTY_MODULE.every((byte, index) => bytes[index] === byte)) throw new Error("What came back is no WebAssembly module.");
  // Synchronous on purpose: at this size it is faster than the asynchronous form, which waits for a thread.
  return new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
}
