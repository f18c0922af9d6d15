// The script of the worker that `keepset/worker` starts: it holds the engine, and does what the page says.
import { besideScript } from "./beside.js";
import type { Holder } from "./engine.js";
import { crashed, KeepsetError } from "./errors.js";
import { indexedStorage, type OwnStorage } from "./host/indexed.js";
import { Gone, type Notice, type Signed, stepsOf } from "./ops.js";
import { settle } from "./options.js";
import type { Consent } from "./types.js";
import type { Around, Crossing, Down, Failure, Up } from "./worker/messages.js";

/** The scope of a dedicated worker, as far as it is used. */
interface Scope {
  postMessage(message: Up): void;
  onmessage: ((event: { data: Down & Around }) => void) | null;
  close(): void;
}
const scope = globalThis as unknown as Scope;

let ahead = 0;
let holder: Holder | undefined;
/** What the page was asked and has not answered. */
const asked = new Map<number, (yes: boolean) => void>();
let questions = 0;

scope.onmessage = ({ data }) => {
  ahead = data.ahead;
  // Read where it would be in a page; a worker's own may be without what the page's browser was told.
  Object.defineProperty(navigator, "globalPrivacyControl", { value: data.privacy, configurable: true });
  void hear(data).catch((error: unknown) => scope.postMessage({ is: "failed", error: failure(error) }));
};
scope.postMessage({ is: "hello" });

async function hear(message: Down): Promise<void> {
  switch (message.is) {
    case "open":
      return open(message.options);
    case "call":
      return holder && call(holder, message.id, message.call);
    case "hold":
      return holder?.hold(message.held);
    case "wake":
      return holder?.wake();
    case "settle":
      return holder?.settle();
    case "leave":
      return holder?.leave(() => undefined);
    case "confirmed":
      asked.get(message.id)?.(message.yes);
      return void asked.delete(message.id);
    case "ping":
      return scope.postMessage({ is: "pong" });
    case "close":
      await holder?.settle().catch(() => undefined);
      holder?.close();
      scope.close();
  }
}

async function open({ js, ...options }: Crossing): Promise<void> {
  const clock = { now: () => Date.now() + ahead };
  const fail = (error: KeepsetError): void => scope.postMessage({ is: "failed", error: failure(error) });
  const settings = settle({ ...options, clock, ...(js ? { nowasm: () => import("./nowasm/index.js") } : {}) });
  settings.confirm = confirm;
  if (settings.storage === "auto") settings.storage = stored();
  holder = await besideScript(settings, tell, fail);
  scope.postMessage({ is: "open", notice: { is: "view", view: holder.view(), steps: stepsOf(holder.opening) } });
}

async function call(engine: Holder, id: number, signed: Signed): Promise<void> {
  try {
    scope.postMessage({ is: "reply", id, value: await engine.do(signed) });
  } catch (error) {
    // Left to the next holder.
    if (!(error instanceof Gone)) scope.postMessage({ is: "reply", id, error: failure(error) });
  }
}

/** Asks the page, whose answer brings Global Privacy Control of that moment along. */
const confirm: Consent["confirm"] = (purpose) =>
  new Promise((resolve) => {
    asked.set((questions += 1), resolve);
    scope.postMessage({ is: "confirm", id: questions, purpose });
  });

function tell(notice: Notice): void {
  const crosses: Notice = notice.is === "view" ? { ...notice, steps: stepsOf(notice.steps) } : notice;
  try {
    scope.postMessage({ is: "notice", notice: crosses });
  } catch {
    // What cannot cross, an error's cause, stays behind.
    if (crosses.is === "error") scope.postMessage({ is: "notice", notice: { ...crosses, cause: undefined } });
  }
}

/** The page's own database; where a worker may use none, the profile lasts as long as the worker, and makes no report. */
function stored(): OwnStorage | "memory" {
  try {
    return indexedStorage(indexedDB);
  } catch {
    return "memory";
  }
}

function failure(error: unknown): Failure {
  const { code, message } = error instanceof KeepsetError ? error : crashed(error);
  return { code, message };
}
