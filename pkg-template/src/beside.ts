// The engine of whatever script this is bundled into: the modules beside it, else the copies inside the package.
import { engineAt } from "./engine.js";

/** Opens engines from the files beside the script. */
export const besideScript = engineAt(
  {
    // Written out in full: bundlers look for exactly this form, and copy the file.
    url: () => new URL("./core.wasm", import.meta.url),
    full: () => new URL("./core-full.wasm", import.meta.url),
    inline: () => import("./core-inline.js"),
  },
  {
    glue: () => import("./report.js"),
    url: () => new URL("./report.wasm", import.meta.url),
    inline: () => import("./report-inline.js"),
  },
  {
    glue: () => import("./study.js"),
    url: () => new URL("./study.wasm", import.meta.url),
    inline: () => import("./study-inline.js"),
  },
);
