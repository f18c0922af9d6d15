// The engine from modules that `wasm2js` wrote as JavaScript: the glue in the place of `core.js` is bound to one of them.
import { bind } from "../core.js";
import { KeepsetError } from "../errors.js";
import { Instances, type Parts, type Report, type Study } from "../kit.js";
import { once } from "../once.js";
import { profilesOf } from "../profile.js";
import type { JavaScriptEngine } from "../types.js";

/** A part that is loaded when it is asked for. */
interface Part {
  initSync(): unknown;
}

/** Makes the engine from where its later parts are. */
export function engineOf(report: () => Promise<Report>, study: () => Promise<Study>): JavaScriptEngine {
  let parts: Parts | undefined;
  const started = (): Parts => {
    const glue = bind();
    glue.initSync();
    return { instances: new Instances(), Profile: profilesOf(glue), openReport: once(() => part("report", report)), openStudy: once(() => part("study", study)) };
  };
  return {
    name: "js",
    open() {
      if (!parts || parts.instances.broken) parts = started();
      return parts;
    },
  };
}

async function part<Glue extends Part>(name: string, load: () => Promise<Glue>): Promise<Glue> {
  try {
    const glue = await load();
    glue.initSync();
    return glue;
  } catch (cause) {
    throw new KeepsetError("wasm_load_failed", `nowasm-${name}.js could not be loaded.`, { cause });
  }
}
