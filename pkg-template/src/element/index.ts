// `keepset/element`: `<keepset-ledger>`, a page of the ledger for the person whose device it is: what left, when, why, who can read it,
// what it cost, what waits, and how to stop it.
import type { Withheld } from "../dto.js";
import type { Keepset } from "../types.js";
import { define, KeepsetElement, type Sight } from "./base.js";
import { h } from "./kit.js";
import { STYLE } from "./style.js";
import { ENGLISH } from "./texts.js";
import { view } from "./view.js";

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

/** What waits has no event of its own. */
const LOOK_AGAIN_MS = 20_000;

/** `<keepset-ledger>`, the ledger of a client. */
export class KeepsetLedger extends KeepsetElement<LedgerTexts> {
  #plan: ShownPlan | null = null;

  constructor() {
    super(ENGLISH, STYLE, LOOK_AGAIN_MS);
  }

  /** The public plan, for the reasons and the owner: as a pack holds it, or as `GET /v1/plan` of the collector gives it. */
  get plan(): ShownPlan | null {
    return this.#plan;
  }
  set plan(plan: ShownPlan | null) {
    this.#plan = plan;
    void this.refresh();
  }

  /** @internal */
  async see(client: Keepset, texts: LedgerTexts, lang: string | undefined): Promise<Sight> {
    const { state } = await client.ledger.next();
    const [entries, budget] = await Promise.all([client.ledger.list(), client.ledger.budget()]);
    const { reporting, sharing } = client.consent.get();
    const allowed = reporting === "granted" || sharing === "granted";
    const of = { entries, budget, state, allowed, plan: this.#plan, texts, lang };
    return { of, draw: () => view(of, () => this.#withdraw(client, texts.withdrawn), () => this.#save(client)) };
  }

  async #withdraw(client: Keepset, said: string): Promise<void> {
    await client.consent.set({ reporting: "denied", sharing: "denied" });
    this.news.textContent = said;
    await this.refresh();
  }

  async #save(client: Keepset): Promise<void> {
    const href = URL.createObjectURL(await client.ledger.export());
    h("a", { href, download: "ledger.json" }).click();
    setTimeout(() => URL.revokeObjectURL(href), 10_000);
  }
}

define("keepset-ledger", KeepsetLedger);

declare global {
  interface HTMLElementTagNameMap {
    "keepset-ledger": KeepsetLedger;
  }
}
