import { now, type Watch } from "./watch.js";

/** One fault in a loop is one trouble, not thousands. */
const PAUSE_MS = 5000;
const ABORT_ERR = 20;

/** `script_error`: an error nothing caught, at most one in five seconds. What it says is never read. */
export function scriptError(watch: Watch): void {
  let last = -PAUSE_MS;
  const tell = (): void => {
    if (now() - last < PAUSE_MS) return;
    last = now();
    watch.track("script_error");
  };
  // Without an error there is a picture that is missing, a notice of the browser, or a script of another site.
  watch.on<ErrorEvent>("error", ({ error }) => error && tell());
  // A request given up is no fault.
  watch.on<PromiseRejectionEvent>("unhandledrejection", ({ reason }) => (reason instanceof DOMException && reason.code === ABORT_ERR) || tell());
}
