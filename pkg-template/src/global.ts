// Keepset from a plain script tag: `keepset.init(...)`.
import { added, beside } from "./added.js";
import { engineAt } from "./engine.js";
import { isKeepsetError, KeepsetError } from "./errors.js";
import { api } from "./start.js";
import { version } from "./version.js";

const open = engineAt(
  { url: () => beside("./core.wasm"), full: () => beside("./core-full.wasm"), inline: () => added("./core-inline.global.js", "keepsetCoreBytes") },
  {
    glue: () => added("./report.global.js", "keepsetReport"),
    url: () => beside("./report.wasm"),
    inline: () => added("./report-inline.global.js", "keepsetReportBytes"),
  },
  {
    glue: () => added("./study.global.js", "keepsetStudy"),
    url: () => beside("./study.wasm"),
    inline: () => added("./study-inline.global.js", "keepsetStudyBytes"),
  },
);
// A plain script has no imports to name it by, and it costs nothing where it is not needed.
open.nowasm = () => added("./nowasm.global.js", "keepsetNowasm");

(globalThis as { keepset?: unknown }).keepset = Object.freeze({
  ...api(open),
  isKeepsetError,
  KeepsetError,
  version,
});
