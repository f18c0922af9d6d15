// `keepset/element/why`: `<keepset-why segment="vip">`, why the person whose device it is belongs to a segment, or does not.
import type { Explanation } from "../../dto.js";
import type { Keepset, SegmentId } from "../../types.js";
import { define, KeepsetElement, type Sight } from "../base.js";
import { STYLE } from "./style.js";
import { ENGLISH } from "./texts.js";
import { answer, reasons } from "./view.js";

/** Every text of the element. `{…}` is filled in; a text left out of a translation stays English. */
export interface WhyTexts {
  /** For who is in: `{sentence}` is the engine's, `{title}` and `{reason}` the pack's, `{date}` since when. */
  in: string;
  /** The same for who is not. */
  out: string;
  since: string;
  /** Segments are not worked out, for that is not allowed. */
  off: string;
  /** There is no answer, or not yet. */
  unknown: string;
  met: string;
  notMet: string;
  /** `{needs}`: what a condition asks for, as `ops` says it. */
  needs: string;
  /** There is no value yet. */
  none: string;
  all: string;
  any: string;
  /** `{needed}` of them. */
  atLeast: string;
  /** Of a condition that is another segment. */
  member: string;
  notMember: string;
  /** What is asked: `{first}` and `{second}` threshold, or `{list}` of them. */
  ops: { [op in Asked]: string };
  /** What keeps someone in or out beside the rule, `{date}` until when, `{segment}` the one that comes first. */
  held: { minimum_stay: string; cool_down: string; ttl: string; group: string };
  /** What would turn the answer: `{sentence}` is the engine's; `{title}` of an event, how many `{times}`, each of `{amount}`. */
  event: string;
  /** The same of waiting until `{date}`. */
  time: string;
  nothing: string;
}

/** How a value is asked for; the last two are what must not be. */
export type Asked = "<" | "<=" | ">" | ">=" | "=" | "!=" | "between" | "in" | "outside" | "none";

/** What an event moves has no event of its own while nobody enters or leaves. */
const LOOK_AGAIN_MS = 1_000;
/** The clock may have ended what holds someone: so many looks at most show the same explanation. */
const LOOKS = 20;

/** `<keepset-why segment="vip">`, why the person is in a segment or not, and what would change that. */
export class KeepsetWhy extends KeepsetElement<WhyTexts> {
  #moment = "";
  #looks = 0;
  #why: Explanation | null = null;

  constructor() {
    super(ENGLISH, STYLE, LOOK_AGAIN_MS);
    this.shadowRoot?.prepend(this.news);
    this.news.setAttribute("part", "answer");
  }

  static override get observedAttributes(): string[] {
    return [...super.observedAttributes, "segment"];
  }

  /** The segment's id in the pack. */
  get segment(): SegmentId {
    return (this.getAttribute("segment") ?? "") as SegmentId;
  }
  set segment(segment: SegmentId) {
    this.setAttribute("segment", segment);
  }

  /** @internal */
  async see(client: Keepset, texts: WhyTexts, lang: string | undefined): Promise<Sight> {
    const why = await this.#explain(client);
    const off = client.consent.get().segmentation !== "granted";
    const said = off ? texts.off : why ? answer(why, texts, lang) : texts.unknown;
    // Said again only when it is another answer.
    if (this.news.textContent !== said) this.news.textContent = said;
    const of = { why: off ? null : why, texts, lang };
    return { of, draw: () => (of.why ? reasons(of.why, texts, lang) : []) };
  }

  /** Asks again when something it may depend on has changed, for that costs more than to look. */
  async #explain(client: Keepset): Promise<Explanation | null> {
    const { segment } = this;
    const moment = JSON.stringify([segment, client.status, client.consent.get(), client.getSnapshot(), await client.features()]);
    if (moment !== this.#moment || (this.#looks += 1) > LOOKS) {
      this.#why = await client.explain(segment);
      this.#moment = moment;
      this.#looks = 0;
    }
    return this.#why;
  }
}

define("keepset-why", KeepsetWhy);

declare global {
  interface HTMLElementTagNameMap {
    "keepset-why": KeepsetWhy;
  }
}
