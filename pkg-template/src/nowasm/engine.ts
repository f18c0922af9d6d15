// The engine from modules that `wasm2js` wrote as JavaScript: the glue in the place of `core.js` is bound to one of them.
import { bind } from "../core.js";
import { KeepsetError } from "../errors.js";
import type { Report, Study } from "../kit.js";
import { once } from "../once.js";
import { profilesOf } from "../profile.js";
import type { JavaScriptEngine } from "../types.js";

/** A part that is loaded when it is asked for. */
interface Part {
  initSync(): unknown;
}

/** Makes the engine from where its later parts are. */
export function engineOf(report: () => Promise<Report>, study: () => Promise<Study>): JavaScriptEngine {
  const later = { openReport: once(() => part("report", report)), openStudy: once(() => part("study", study)) };
  const glue = bind();
  const Profile = profilesOf(glue);
  return {
    name: "js",
    open() {
      glue.initSync();
      return { Profile, ...later };
    },
  };
}

async function part<Glue extends Part>(name: string, load: () => Promise<Glue>): Promise<Glue> {
  try {
    const glue = await load();
    // Starts the module once; later calls change nothing.
    glue.initSync();
    return glue;
  } catch (cause) {
    throw new KeepsetError("wasm_load_failed", `nowasm-${name}.js could not be loaded.`, { cause });
  }
}
