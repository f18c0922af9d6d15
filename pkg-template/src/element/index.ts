// `keepset/element`: `<keepset-ledger>`, a page of the ledger for the person whose device it is: what left, when, why, who can read it,
// what it cost, what waits, and how to stop it.
import type { Withheld } from "../dto.js";
import type { Unsubscribe } from "../emitter.js";
import { followed } from "../followed.js";
import type { Keepset } from "../types.js";
import { STYLE } from "./style.js";
import { ENGLISH } from "./texts.js";
import { h, looker, rooted, type Shown, view } from "./view.js";

/** Every text of the element. `{…}` is filled in; a text left out of a translation stays English. */
export interface LedgerTexts {
  title: string;
  /** `{reports}` that left, and their `{bytes}`. */
  total: string;
  /** How many `{times}` labels or their erasure left, and their `{bytes}`; shown only where they did. */
  shared: string;
  perReport: string;
  perWindow: string;
  perYear: string;
  /** `{spent}` of `{limit}`. */
  spent: string;
  /** What the three numbers mean. `{times}` is `e` to the price of a report. */
  meaning: string;
  left: string;
  nothingLeft: string;
  waits: string;
  nothingWaits: string;
  /** `{date}`: until then it may leave. */
  ready: string;
  stop: string;
  stopSays: string;
  withdraw: string;
  withdrawn: string;
  take: string;
  export: string;
  exportSays: string;
  /** What became of a line of the ledger. */
  outcome: { waiting: string; accepted: string; refused: string; withdrawn: string; expired: string };
  why: string;
  /** Where the plan is not given. */
  whyUnknown: string;
  /** Why labels left, and what takes them back. */
  label: string;
  erasure: string;
  who: string;
  /** `{owner}` of the plan. */
  whoSays: string;
  ownerUnknown: string;
  cost: string;
  consent: string;
  /** `{date}`. */
  since: string;
  mechanism: string;
  bytes: string;
  bytesGone: string;
  receipt: string;
  /** Why nothing waits, by code. */
  withheld: { [code in Withheld]?: string };
}

/** A plan as it is published, as far as it is shown. */
export interface ShownPlan {
  readonly owner?: string;
  readonly reason?: string;
  readonly questions?: readonly { readonly id: string; readonly reason?: string }[];
}

/** While it is shown it looks again this often: what waits has no event of its own. */
const LOOK_AGAIN_MS = 20_000;

/** On a server there are no elements; importing this does nothing there. */
const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement;

/** `<keepset-ledger>`. Set `client`; everything else is optional. It follows the page's language, colours and font. */
export class KeepsetLedger extends Base {
  #client: Keepset | null = null;
  #plan: ShownPlan | null = null;
  #texts: Partial<LedgerTexts> = {};
  #root: ShadowRoot | undefined;
  #main = undefined as HTMLElement | undefined;
  #news = undefined as HTMLElement | undefined;
  #leave: Unsubscribe[] = [];
  #shown = "";
  readonly #look = looker(() => this.#show());

  /** The client whose ledger is shown. */
  get client(): Keepset | null {
    return this.#client;
  }
  set client(client: Keepset | null) {
    this.#client = client;
    this.#follow();
  }

  /** The public plan, for the reasons and the owner: as a pack holds it, or as `GET /v1/plan` of the collector gives it. */
  get plan(): ShownPlan | null {
    return this.#plan;
  }
  set plan(plan: ShownPlan | null) {
    this.#plan = plan;
    void this.refresh();
  }

  /** Texts in place of the English ones; also as JSON in the attribute `texts`. */
  get texts(): Partial<LedgerTexts> {
    return this.#texts;
  }
  set texts(texts: Partial<LedgerTexts>) {
    this.#texts = texts ?? {};
    void this.refresh();
  }

  static get observedAttributes(): string[] {
    return ["texts", "lang"];
  }

  /** @internal */
  attributeChangedCallback(name: string, _: string | null, value: string | null): void {
    try {
      if (name === "texts") this.#texts = (JSON.parse(value ?? "{}") ?? {}) as Partial<LedgerTexts>;
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

  #follow(): void {
    this.disconnectedCallback();
    const client = this.#client;
    if (!client || !this.isConnected) return;
    const look = (): void => void this.refresh();
    const timer = setInterval(look, LOOK_AGAIN_MS);
    this.#leave = [client.on("report", look), followed(client, look), () => clearInterval(timer)];
    look();
  }

  async #show(): Promise<void> {
    const client = this.#client;
    if (!client || !this.isConnected) return;
    const { state } = await client.ledger.next();
    const [entries, budget] = await Promise.all([client.ledger.list(), client.ledger.budget()]);
    const texts = { ...ENGLISH, ...this.#texts };
    texts.outcome = { ...ENGLISH.outcome, ...texts.outcome };
    texts.withheld = { ...ENGLISH.withheld, ...texts.withheld };
    const { reporting, sharing } = client.consent.get();
    const allowed = reporting === "granted" || sharing === "granted";
    const lang = this.closest<HTMLElement>("[lang]")?.lang || undefined;
    this.#draw({ entries, budget, state, allowed, plan: this.#plan, texts, lang });
  }

  /** Draws only what differs from what is there, so that focus and open lines survive. */
  #draw(shown: Shown): void {
    const key = JSON.stringify(shown, (name, value: unknown) => (name === "body" || name === "sealed" ? (value as Uint8Array).length : value));
    if (key === this.#shown) return;
    this.#shown = key;
    const root = (this.#root ??= this.#attach());
    const focused = root.activeElement?.getAttribute("part") ?? root.activeElement?.parentElement?.getAttribute("data-hash");
    const open = new Set([...root.querySelectorAll("details[open]")].map((line) => line.getAttribute("data-hash") ?? ""));
    const button = (part: string, text: string, press: () => Promise<unknown>): HTMLElement => {
      const made = h("button", { type: "button", part }, text);
      made.addEventListener("click", () => void press());
      return made;
    };
    const { texts } = shown;
    const withdraw = button("withdraw", texts.withdraw, () => this.#withdraw(texts.withdrawn));
    const save = button("export", texts.export, () => this.#save());
    this.#main?.replaceChildren(...view(shown, { withdraw, save }, open));
    if (focused) root.querySelector<HTMLElement>(`[part="${focused}"],[data-hash="${focused}"] summary`)?.focus();
  }

  #attach(): ShadowRoot {
    const root = rooted(this, STYLE);
    this.#main = h("div", {});
    this.#news = h("p", { role: "status" });
    root.append(this.#main, this.#news);
    return root;
  }

  async #withdraw(said: string): Promise<void> {
    await this.#client?.consent.set({ reporting: "denied", sharing: "denied" });
    if (this.#news) this.#news.textContent = said;
    await this.refresh();
  }

  async #save(): Promise<void> {
    const file = await this.#client?.ledger.export();
    if (!file) return;
    const href = URL.createObjectURL(file);
    h("a", { href, download: "ledger.json" }).click();
    setTimeout(() => URL.revokeObjectURL(href), 10_000);
  }
}

if (globalThis.customElements && !customElements.get("keepset-ledger")) customElements.define("keepset-ledger", KeepsetLedger);

declare global {
  interface HTMLElementTagNameMap {
    "keepset-ledger": KeepsetLedger;
  }
}
