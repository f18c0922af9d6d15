// The app's side of the messages of `keepset/webview`, for JavaScript around a web view. The hosts for iOS and Android are the same in their languages.

/** The version of the messages it speaks. */
export const PROTOCOL = 1;

/**
 * Keeps the profile for every web view of the app, and asks the engine in one of them.
 *
 * `store` has `get(key)`, `set(key, text)` and `delete(key)` and keeps base64 texts; it must be durable when `set` resolves. Of one store there is
 * one host in the app, or two web views could both charge the same budget.
 */
export class KeepsetHost {
  #store;
  #views = new Map();
  #waiting = new Map();
  #kept = [];
  #last = 0;
  #turn = Promise.resolve();
  #listeners = new Set();

  constructor(store) {
    this.#store = store;
  }

  /** Takes in a web view: `post(text)` hands a text to its page. Returns what is to be called with each text of the page, and resolves to the reply or to nothing. */
  attach(post) {
    const view = { post, ready: false };
    this.#views.set(post, view);
    return (text) => this.#receive(view, text);
  }

  /** Forgets a web view that is gone. */
  detach(post) {
    this.#views.delete(post);
  }

  /** Calls back with what pages tell: `ready`, `change`, `consent`. */
  onTell(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells an engine of an event; kept until a web view has one. Its `eventId` makes it count once, should it be told again. */
  track(event, properties = {}, { at = Date.now(), eventId = `app-${at}-${(this.#last += 1)}` } = {}) {
    const message = { call: "track", event, properties, at, eventId };
    if (this.#ready()) return this.#ask(this.#ready(), message);
    return new Promise((resolve, reject) => this.#kept.push({ message, resolve, reject }));
  }

  /** Asks the engine in a web view, `ask("has", { segment: "regular" })`; rejects when no web view has one. */
  ask(call, what = {}) {
    const view = this.#ready();
    return view ? this.#ask(view, { call, ...what }) : Promise.reject(problem({ code: "no_client", message: "no web view has an engine" }));
  }

  #ready() {
    return [...this.#views.values()].find(({ ready }) => ready);
  }

  #ask(view, message) {
    const id = (this.#last += 1);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      view.post(JSON.stringify({ keepset: PROTOCOL, id, ...message }));
    });
  }

  async #receive(view, text) {
    const message = parse(text);
    if (!message) return undefined;
    if (message.tell !== undefined) return this.#told(view, message);
    if (message.re !== undefined) return this.#answered(message);
    const reply = await this.#reply(message);
    return JSON.stringify({ keepset: PROTOCOL, re: message.id, ...reply });
  }

  #told(view, message) {
    if (message.tell === "ready") {
      view.ready = message.status === "ready" || message.status === "paused";
      if (view.ready) this.#kept.splice(0).forEach(({ message, resolve, reject }) => this.#ask(view, message).then(resolve, reject));
    }
    this.#listeners.forEach((listener) => listener(message));
  }

  #answered({ re, value, error }) {
    const wait = this.#waiting.get(re);
    this.#waiting.delete(re);
    if (error) wait?.reject(problem(error));
    else wait?.resolve(value);
  }

  async #reply(message) {
    if (message.keepset !== PROTOCOL) return { error: { code: "version", message: `this app speaks version ${PROTOCOL} of the messages` } };
    if (message.call === "hello") return { value: { version: PROTOCOL } };
    try {
      // One after the other: between the look and the write of a swap nobody else may write.
      const done = this.#turn.then(() => this.#keep(message));
      this.#turn = done.catch(() => undefined);
      return await done;
    } catch (error) {
      return { error: { code: "failed", message: String(error?.message ?? error) } };
    }
  }

  async #keep({ call, key, value, expected, next, last, bytes }) {
    const store = this.#store;
    switch (call) {
      case "storage.get":
        return { value: (await store.get(key)) ?? null };
      case "storage.set":
        await store.set(key, value);
        return { value: null };
      case "storage.delete":
        await store.delete(key);
        return { value: null };
      case "storage.swap": {
        const same = ((await store.get(key)) ?? null) === expected;
        if (same) await store.set(key, next);
        return { value: same };
      }
      case "storage.append": {
        const found = atob((await store.get(key)) ?? "");
        const same = found.length > 0 && found.endsWith(atob(last));
        if (same) await store.set(key, btoa(found + atob(bytes)));
        return { value: same };
      }
      default:
        return { error: { code: "unknown_call", message: `there is no call ${JSON.stringify(call)}` } };
    }
  }
}

const problem = ({ code, message }) => Object.assign(new Error(message), { code });

/** A message of the protocol, of whatever version. */
function parse(text) {
  try {
    const message = JSON.parse(text);
    return typeof message?.keepset === "number" ? message : undefined;
  } catch {
    return undefined;
  }
}
