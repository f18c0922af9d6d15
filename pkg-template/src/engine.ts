import type { KeepsetError } from "./errors.js";
import { chooseStorage, Vault } from "./host/vault.js";
import { Keeper } from "./keeper.js";
import { loadCore, type WasmHome } from "./loader.js";
import type { Notice } from "./ops.js";
import { packText, type Settings } from "./options.js";

/** Opens the engine of a client in this tab. An entry without one, for servers, carries none of this code. */
export type OpenEngine = (
  settings: Settings,
  tell: (notice: Notice) => void,
  fail: (error: KeepsetError) => void,
) => Promise<Keeper>;

/** Opens engines from a module found at `home`. */
export function engineAt(home: WasmHome): OpenEngine {
  return async (settings, tell, fail) => {
    const [core, pack] = await Promise.all([loadCore(home, settings.wasm), packText(settings.pack)]);
    const complain = ({ code, message, cause }: KeepsetError): void => tell({ is: "error", code, message, cause });
    const vault = new Vault(chooseStorage(settings.storage), settings.name, complain);
    return Keeper.open(settings, core, pack, vault, tell, fail);
  };
}
