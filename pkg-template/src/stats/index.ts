// `keepset/stats`: what a client costs a page, and budgets of time, storage and bytes that hold.
import { chooseStorage } from "../host/vault.js";
import type { Runtime, Stats } from "../types.js";
import { Watched } from "./watched.js";
import { within } from "./within.js";

/** What a client may cost. What is left out has no limit. */
export interface Budgets {
  /** Milliseconds of the page's thread in a minute. Beyond, events wait until the page is idle; none is lost, and a question or leaving the page does what waits. */
  cpu?: number;
  /** Bytes of the stored profile. What would be more is not stored: `quota_exceeded`, as where the disk is full, so no report is made either. The engine is then in the page. */
  storage?: number;
  /** Bytes that leave within 28 days, every attempt counted. Beyond, reports wait (`over_budget`); what was shared can always be taken back. */
  sent?: number;
  /** Whether a browser that saves data (`navigator.connection.saveData`) makes reports wait, for seven days at most. By default it does. */
  saveData?: boolean;
  /** Where the engine runs, if not in the page: what `inWorker()` returns. */
  runtime?: Runtime;
}

/** Makes the option `runtime`: `init({ pack, runtime: budgeted({ cpu: 100 }) })`. Then `keepset.stats()` tells what the client cost. */
export function budgeted(budgets: Budgets = {}): Runtime {
  const { runtime } = budgets;
  return {
    name: "budgeted",
    async open(here, options, settings, tell, fail) {
      let backend: Stats["backend"] = runtime ? "worker" : "wasm";
      const nowasm = settings.nowasm ?? here.nowasm;
      const store = budgets.storage === undefined ? undefined : chooseStorage(settings.storage);
      const storage = typeof store === "object" ? within(budgets.storage as number, store) : settings.storage;
      const watched = new Watched(budgets, settings, tell);
      const measured = {
        ...settings,
        storage,
        confirm: watched.confirm,
        nowasm: nowasm && (() => ((backend = "js"), nowasm())),
      };
      const inPage: typeof here = (...rest) => {
        if (backend === "worker") backend = "wasm";
        return here(...rest);
      };
      const holder = await (runtime ? runtime.open(inPage, { ...options, storage: storage as NonNullable<typeof options.storage> }, measured, watched.tell, fail) : inPage(measured, watched.tell, fail));
      return watched.over(holder, backend);
    },
  };
}
