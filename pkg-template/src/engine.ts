import { bind } from "./core.js";
import { fromEngine, KeepsetError } from "./errors.js";
import { Guess } from "./guess.js";
import { chooseStorage, Vault } from "./host/vault.js";
import { Keeper } from "./keeper.js";
import { Instances, type Kit, type Parts, type Report, type Study } from "./kit.js";
import { type Home, loader } from "./loader.js";
import type { Notice } from "./ops.js";
import { once } from "./once.js";
import type { Settings } from "./options.js";
import { compiled, isAddress } from "./pack.js";
import { profilesOf } from "./profile.js";

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

/** The homes of the two cores, which have one copy inside the package. */
interface Cores extends Home {
  /** The file of the one with every kind of feature. */
  full?: Home["url"];
}

/** Where a compiled pack says which core it needs: a byte whose highest bit asks for every kind of feature. */
const FORMAT = 4;

/** Opens engines from the modules found at these places. */
export function engineAt({ full, ...usual }: Cores, report: Later<Report>, study: Later<Study>): OpenEngine {
  const glue = () => {
    const bound = bind();
    return { Profile: profilesOf(bound), initSync: bound.initSync };
  };
  const guess = new Guess();
  const loaders = () => ({
    openCore: loader({ name: "core", glue, ...usual, early: () => guess.take() }),
    openFull: loader({ name: "core-full", glue, ...usual, url: full }),
    later: { instances: new Instances(), openReport: loader({ name: "report", ...report }), openStudy: loader({ name: "study", ...study }) },
  });
  let current = loaders();
  const open: OpenEngine = async (settings, tell, fail) => {
    if (current.later.instances.broken) current = loaders();
    const { openCore, openFull, later } = current;
    const without = once(async () => (await (settings.nowasm ?? open.nowasm)?.().catch(() => undefined))?.engine.open(KeepsetError));
    /** Loads something from the modules, or takes it from the engine without WebAssembly. */
    const either = async <T>(load: () => Promise<T>, from: (parts: Parts) => T | Promise<T>): Promise<T> => {
      try {
        return await load();
      } catch (error) {
        // Why there is no WebAssembly says more than why there is nothing else.
        const other = await without();
        if (!other) throw error;
        return from(other);
      }
    };
    const compile = async (text: string): Promise<Uint8Array> => {
      const { compile } = await either(later.openStudy, ({ openStudy }) => openStudy());
      try {
        return compile(text);
      } catch (error) {
        throw fromEngine(error, "pack_invalid");
      }
    };
    /** Which core is needed, the pack says; until it is there, the usual one is a good guess. */
    const kit = async (): Promise<Kit> => {
      const reading = compiled(settings.pack, compile);
      if (isAddress(settings.pack) && settings.wasm === undefined) guess.make(usual.url?.());
      const pack = await reading;
      const full = (pack[FORMAT] as number) > 0x7f;
      if (full) guess.drop();
      const core = full ? openFull : openCore;
      const parts = await either<Parts>(async () => ({ Profile: (await core(settings.wasm)).Profile, ...later }), (parts) => parts);
      return { ...parts, pack };
    };
    const complain = ({ code, message, cause }: KeepsetError): void => tell({ is: "error", code, message, cause });
    const vault = new Vault(chooseStorage(settings.storage), settings.name, complain);
    // What is stored is read while the pack and the modules are on their way.
    const [record, found] = await Promise.all([vault.load(), kit()]);
    return Keeper.open(settings, found, vault, tell, fail, record);
  };
  return open;
}
