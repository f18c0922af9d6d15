// What every element of the package is: it has a client and texts, and follows both for as long as it is in a page.
import type { Unsubscribe } from "../emitter.js";
import { followed } from "../followed.js";
import type { Keepset } from "../types.js";
import { h, looker, rooted, worded } from "./kit.js";

/** On a server there are no elements; importing this does nothing there. */
const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement;

/** @internal What is to be seen at one moment: `of` says of two moments whether they look the same. */
export interface Sight {
  readonly of: unknown;
  /** Makes it anew. What can have the focus or be open is known again by its `data-key`. */
  draw(): Node[];
}

/** Texts in the place of some of an element's own, or of some of those that belong together. */
export type Translation<Texts> = { [K in keyof Texts]?: Texts[K] extends object ? Partial<Texts[K]> : Texts[K] };

/** Set `client`; everything else is optional. It follows the page's language, colours and font. */
export abstract class KeepsetElement<Texts extends object> extends Base {
  #client: Keepset | null = null;
  #texts: Translation<Texts> = {};
  readonly #root: ShadowRoot;
  readonly #main = h("div", {});
  /** @internal What is written here is said, also to who does not see it. */
  readonly news = h("p", { role: "status" });
  #leave: Unsubscribe[] = [];
  #shown = "";
  readonly #look = looker(() => this.#show());

  readonly #english: Texts;
  readonly #everyMs: number;

  /** @internal `everyMs`: it looks again so often, for what has no event of its own. */
  constructor(english: Texts, style: string, everyMs: number) {
    super();
    this.#english = english;
    this.#everyMs = everyMs;
    this.#root = rooted(this, style);
    this.#root.append(this.#main, this.news);
  }

  /** The client that is shown. */
  get client(): Keepset | null {
    return this.#client;
  }
  set client(client: Keepset | null) {
    this.#client = client;
    this.#follow();
  }

  /** Texts in place of the English ones; also as JSON in the attribute `texts`. */
  get texts(): Translation<Texts> {
    return this.#texts;
  }
  set texts(texts: Translation<Texts>) {
    this.#texts = texts ?? {};
    void this.refresh();
  }

  static get observedAttributes(): string[] {
    return ["texts", "lang"];
  }

  /** @internal */
  attributeChangedCallback(name: string, _: string | null, value: string | null): void {
    try {
      if (name === "texts") this.#texts = (JSON.parse(value ?? "{}") ?? {}) as Translation<Texts>;
    } catch {
      // No translation, then.
    }
    void this.refresh();
  }

  /** @internal */
  connectedCallback(): void {
    this.#follow();
  }

  /** @internal */
  disconnectedCallback(): void {
    this.#leave.splice(0).forEach((leave) => leave());
  }

  /** Looks again, and resolves when what is shown is of now. */
  refresh(): Promise<void> {
    return this.#look();
  }

  /** @internal What is to be seen now. */
  abstract see(client: Keepset, texts: Texts, lang: string | undefined): Promise<Sight>;

  #follow(): void {
    this.disconnectedCallback();
    const client = this.#client;
    if (!client || !this.isConnected) return;
    const look = (): void => void this.refresh();
    const timer = setInterval(() => document.hidden || look(), this.#everyMs);
    this.#leave = [client.on("report", look), followed(client, look), () => clearInterval(timer)];
    look();
  }

  async #show(): Promise<void> {
    const client = this.#client;
    if (!client || !this.isConnected) return;
    const texts = worded(this.#english, this.#texts);
    const lang = this.closest<HTMLElement>("[lang]")?.lang || undefined;
    const { of, draw } = await this.see(client, texts, lang);
    const key = JSON.stringify(of, (_, value: unknown) => (value instanceof Uint8Array ? value.length : value));
    // Drawn only when it differs, and so that focus and what is open survive.
    if (key === this.#shown) return;
    this.#shown = key;
    const root = this.#root;
    const focused = keyOf(root.activeElement);
    const open = [...root.querySelectorAll("details[open]>*")].map(keyOf);
    this.#main.replaceChildren(...draw());
    for (const one of root.querySelectorAll<HTMLElement>("[data-key]")) {
      if (keyOf(one) === focused) one.focus();
      if (open.includes(keyOf(one))) one.click();
    }
  }
}

const keyOf = (one: Element | null): string | null | undefined => one?.getAttribute("data-key");

/** @internal Gives the page an element under a name, once. */
export function define(name: string, element: CustomElementConstructor): void {
  if (globalThis.customElements && !customElements.get(name)) customElements.define(name, element);
}
