import { initSync } from "./core.js";
import { fromEngine, type KeepsetError } from "./errors.js";
import { chooseStorage, Vault } from "./host/vault.js";
import { Keeper } from "./keeper.js";
import type { Parts, Report, Study } from "./kit.js";
import { type Home, loader } from "./loader.js";
import type { Notice } from "./ops.js";
import type { Settings } from "./options.js";
import { compiled } from "./pack.js";
import { Profile } from "./profile.js";

/** What holds the engine of a profile: a keeper, or what stands for one that is elsewhere. */
export type Holder = Pick<Keeper, keyof Keeper>;

/** Opens the engine of a client in this tab. An entry without one, for servers, carries none of this code. */
export interface OpenEngine {
  (settings: Settings, tell: (notice: Notice) => void, fail: (error: KeepsetError) => void): Promise<Holder>;
  /** The engine without WebAssembly, where a page names no other. */
  nowasm?: Settings["nowasm"];
}

/** The home of a part that is loaded when it is asked for, its glue too. */
interface Later<Glue> extends Home {
  glue: () => Promise<Glue>;
}

/** Opens engines from the modules found at these places. */
export function engineAt(core: Home, report: Later<Report>, study: Later<Study>): OpenEngine {
  const openCore = loader({ name: "core", glue: () => ({ Profile, initSync }), ...core });
  const parts: Parts = { Profile, openReport: loader({ name: "report", ...report }), openStudy: loader({ name: "study", ...study }) };
  const open: OpenEngine = async (settings, tell, fail) => {
    const found = openCore(settings.wasm).then(
      () => parts,
      async (error: unknown) => {
        // Why there is no WebAssembly says more than why there is nothing else.
        const other = await (settings.nowasm ?? open.nowasm)?.().catch(() => undefined);
        if (!other) throw error;
        return other.engine.open();
      },
    );
    const compile = async (text: string): Promise<Uint8Array> => {
      const { compile } = await (await found).openStudy();
      try {
        return compile(text);
      } catch (error) {
        throw fromEngine(error, "pack_invalid");
      }
    };
    const complain = ({ code, message, cause }: KeepsetError): void => tell({ is: "error", code, message, cause });
    const vault = new Vault(chooseStorage(settings.storage), settings.name, complain);
    // What is stored is read while the modules and the pack are on their way.
    const [kit, pack, record] = await Promise.all([found, compiled(settings.pack, compile), vault.load()]);
    return Keeper.open(settings, { ...kit, pack }, vault, tell, fail, record);
  };
  return open;
}
