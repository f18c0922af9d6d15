// The engine from modules that `wasm2js` wrote as JavaScript: the glue in the place of `core.js` is bound to one of them.
import { bind } from "../core.js";
import type { KeepsetError } from "../errors.js";
import { Instances, type Parts, type Report, type Study } from "../kit.js";
import type { Startable } from "../loader.js";
import { once } from "../once.js";
import { profilesOf } from "../profile.js";
import type { JavaScriptEngine } from "../types.js";

/** Makes the engine from where its later parts are. */
export function engineOf(report: () => Promise<Report>, study: () => Promise<Study>): JavaScriptEngine {
  let parts: Parts | undefined;
  const started = (Failure: typeof KeepsetError): Parts => {
    const glue = bind();
    glue.initSync();
    return { instances: new Instances(), Profile: profilesOf(glue), openReport: part("report", report, Failure), openStudy: part("study", study, Failure) };
  };
  return {
    name: "js",
    open(Failure) {
      if (!parts || parts.instances.broken) parts = started(Failure);
      return parts;
    },
  };
}

/** Returns what loads a part once. */
function part<Glue extends Startable>(name: string, load: () => Promise<Glue>, Failure: typeof KeepsetError): () => Promise<Glue> {
  return once(async () => {
    try {
      const glue = await load();
      glue.initSync();
      return glue;
    } catch (cause) {
      throw new Failure("wasm_load_failed", `nowasm-${name}.js could not be loaded.`, { cause });
    }
  });
}
