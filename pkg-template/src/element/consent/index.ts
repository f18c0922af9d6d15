// `keepset/element/consent`: `<keepset-consent>`, what a person allows and does not, as switches.
import type { Purpose } from "../../dto.js";
import { PURPOSES } from "../../input.js";
import type { Keepset } from "../../types.js";
import { define, KeepsetElement, type Sight } from "../base.js";
import { button, h } from "../kit.js";
import { STYLE } from "./style.js";
import { ENGLISH } from "./texts.js";

/** Every text of the element; one left out of a translation stays English. */
export interface ConsentTexts {
  title: string;
  /** What each purpose is called, and what it means for the person. */
  name: { [P in Purpose]: string };
  says: { [P in Purpose]: string };
  all: string;
  none: string;
  /** Said when a choice is in effect. */
  done: string;
  /** Said when a yes has no effect, because something else denies it. */
  kept: string;
  /** Segments cannot be worked out in this browser, so there is nothing to choose. */
  unavailable: string;
}

type Choices = { [P in Purpose]?: "granted" | "denied" };

/** Another tab, or another signal of the page, tells of itself; this is for what does not. */
const LOOK_AGAIN_MS = 20_000;

/** `<keepset-consent>`, a switch for every purpose: what it shows is what is in effect. */
export class KeepsetConsent extends KeepsetElement<ConsentTexts> {
  constructor() {
    super(ENGLISH, STYLE, LOOK_AGAIN_MS);
  }

  static override get observedAttributes(): string[] {
    return [...super.observedAttributes, "purposes"];
  }

  /** The purposes that are asked for, all when there is no attribute `purposes`: `<keepset-consent purposes="segmentation storage">`. */
  get purposes(): readonly Purpose[] {
    const named = this.getAttribute("purposes");
    return PURPOSES.filter((purpose) => named === null || named.split(/\s+/).includes(purpose));
  }
  set purposes(purposes: readonly Purpose[]) {
    this.setAttribute("purposes", purposes.join(" "));
  }

  /** @internal */
  see(client: Keepset, texts: ConsentTexts): Promise<Sight> {
    const { purposes } = this;
    const state = client.consent.get();
    const off = client.error !== null || client.status === "destroyed";
    const choose = (choice: "granted" | "denied", ...chosen: readonly Purpose[]): void =>
      void this.#choose(client, Object.fromEntries(chosen.map((purpose) => [purpose, choice])), texts);
    const draw = (): Node[] => [
      h("slot", { name: "title" }, h("h2", {}, texts.title)),
      ...(off ? [h("p", {}, texts.unavailable)] : []),
      ...purposes.map((purpose) => row(purpose, texts, state[purpose] === "granted", off, (choice) => choose(choice, purpose))),
      ...(off ? [] : [h("div", { part: "both" }, button("all", texts.all, () => choose("granted", ...purposes)), button("none", texts.none, () => choose("denied", ...purposes)))]),
    ];
    return Promise.resolve({ of: { purposes, state, off, texts }, draw });
  }

  async #choose(client: Keepset, choices: Choices, texts: ConsentTexts): Promise<void> {
    this.news.textContent = "";
    await client.consent.set(choices);
    const state = client.consent.get();
    const heeded = Object.entries(choices).every(([purpose, choice]) => state[purpose as Purpose] === choice);
    this.news.textContent = heeded ? texts.done : texts.kept;
    await this.refresh();
  }
}

/** A purpose with its switch, which moves when the choice is in effect, and not before. */
function row(purpose: Purpose, texts: ConsentTexts, on: boolean, off: boolean, choose: (choice: "granted" | "denied") => void): HTMLElement {
  const box = h("input", { type: "checkbox", role: "switch", part: "switch", id: purpose, "data-key": purpose, "aria-describedby": `${purpose}-says`, ...(on ? { checked: "" } : {}), ...(off ? { disabled: "" } : {}) });
  box.addEventListener("click", (event) => {
    event.preventDefault();
    choose(on ? "denied" : "granted");
  });
  return h("div", { part: "purpose" }, box, h("div", {}, h("label", { for: purpose }, texts.name[purpose]), h("p", { id: `${purpose}-says` }, texts.says[purpose])));
}

define("keepset-consent", KeepsetConsent);

declare global {
  interface HTMLElementTagNameMap {
    "keepset-consent": KeepsetConsent;
  }
}
