import { bytesOf } from "./bytes.js";
import { KeepsetError } from "./errors.js";
import { download } from "./host/download.js";
import type { Settings } from "./options.js";

/** Reads a pack that is JSON. */
export type Compile = (text: string) => Promise<Uint8Array>;

/** The compiled pack: as given or fetched; where what was given or fetched is JSON, compiled here. */
export async function compiled(pack: Settings["pack"], compile: Compile): Promise<Uint8Array> {
  const found = await read(pack).catch((cause: unknown) => {
    throw new KeepsetError("pack_load_failed", `The pack could not be loaded: ${(cause as Error | undefined)?.message}.`, { cause });
  });
  if (typeof found === "string") return compile(found);
  // What is neither, a page of a login for one, is left to the engine to refuse.
  const text = new TextDecoder().decode(found);
  return isJson(text) ? compile(text) : found;
}

/** Says whether a pack has to be fetched. */
export const isAddress = (pack: Settings["pack"]): pack is string | URL => (typeof pack === "string" ? !isJson(pack) : pack instanceof URL);

/** JSON text of a pack begins with a brace; neither a URL nor a compiled pack does. */
const isJson = (text: string): boolean => text.trimStart().startsWith("{");

async function read(pack: Settings["pack"]): Promise<Uint8Array | string> {
  const bytes = bytesOf(pack);
  if (bytes) return bytes;
  if (isAddress(pack)) return download(pack);
  return typeof pack === "string" ? pack : JSON.stringify(pack);
}
