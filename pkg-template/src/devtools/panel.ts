// The panel itself: draws what the client says, listens while it is there, and leaves the client as it found it.
import type { SegmentChange } from "../dto.js";
import { type Child, h, looker, rooted } from "../element/kit.js";
import { ENGLISH } from "../element/why/texts.js";
import { reasons } from "../element/why/view.js";
import type { Unsubscribe } from "../emitter.js";
import { followed } from "../followed.js";
import type { Keepset } from "../types.js";
import { bugReport } from "./bug.js";
import { STYLE } from "./style.js";

/** So many lines of the timeline are kept. */
const LINES = 100;

/** The panel over one page. */
export class Panel {
  readonly #host = document.createElement("keepset-devtools");
  readonly #state = h("ul", { "aria-label": "State" });
  readonly #log = h("div", { class: "log", role: "log", tabindex: "0", "aria-label": "Timeline" });
  readonly #answer = h("div", { role: "status" });
  readonly #main = h("aside", { "aria-label": "Keepset devtools" });
  readonly #fold = h("button", { type: "button" }, "Keepset");
  readonly #errors = new Map<string, number>();
  readonly #refresh = looker(() => this.#draw());
  readonly #leave: Unsubscribe[];

  constructor(
    private readonly client: Keepset,
    parent: Element,
    open: boolean,
  ) {
    const root = rooted(this.#host, STYLE);
    this.#main.append(
      h("h2", {}, `Keepset: ${client.name}`),
      this.#state,
      h("h3", {}, "Timeline"),
      this.#log,
      h("h3", {}, "Why, and why not"),
      this.#form("Segment", "Explain", (segment) => this.#explain(segment)),
      h("h3", {}, "What if"),
      this.#form('Event, such as purchase {"value": 5}', "Simulate", (event) => this.#simulate(event)),
      this.#answer,
      h("h3", {}, "Bug report"),
      h("p", {}, "States and error codes only: no events, no segments, no values."),
      this.#button("Show the report", async () => this.#say(await bugReport(client, this.#errors))),
    );
    this.#fold.addEventListener("click", () => this.#show(this.#main.hidden === true));
    this.#main.addEventListener("keydown", ({ key }) => {
      if (key !== "Escape") return;
      this.#show(false);
      this.#fold.focus();
    });
    root.append(this.#main, this.#fold);
    parent.append(this.#host);
    this.#leave = [
      this.#watchTrack(),
      followed(client, () => void this.#refresh()),
      client.on("change", ({ reasons }) => reasons.forEach((change) => this.#note(words(change)))),
      client.consent.onChange((state) => this.#note(`consent: ${list(state)}`)),
      client.on("report", ({ report, outcome }) => this.#note(`report on ${report.question}: ${outcome}, epsilon ${report.epsilon}, ${report.size} bytes`)),
      client.on("error", ({ code, message }) => {
        this.#errors.set(code, (this.#errors.get(code) ?? 0) + 1);
        this.#note(`${code}: ${message}`);
      }),
    ];
    this.#show(open);
  }

  /** Takes the panel away. */
  close(): void {
    this.#leave.splice(0).forEach((off) => off());
    this.#host.remove();
  }

  #show(open: boolean): void {
    this.#main.hidden = !open;
    this.#fold.setAttribute("aria-expanded", String(open));
    void this.#refresh();
  }

  /** Sees what the page tracks, in the page's own calls. */
  #watchTrack(): Unsubscribe {
    const { client } = this;
    const own = Object.getOwnPropertyDescriptor(client, "track");
    const track = client.track as (...call: unknown[]) => void;
    const watched = (...call: unknown[]): void => {
      this.#note(`track ${String(call[0])} ${json(call[1] ?? {})}`);
      track.apply(client, call);
    };
    Object.defineProperty(client, "track", { value: watched, configurable: true, writable: true });
    return () => {
      if ((client.track as unknown) !== watched) return;
      if (own) Object.defineProperty(client, "track", own);
      else delete (client as Partial<Keepset>).track;
    };
  }

  async #draw(): Promise<void> {
    if (this.#main.hidden) return;
    const { client } = this;
    const { segments } = client.getSnapshot();
    const [budget, next] = await Promise.all([client.ledger.budget(), client.ledger.next()]);
    const lines = [
      `${client.status}${client.error ? `: ${client.error.code}` : ""}`,
      `in: ${segments.map(({ id, since }) => `${id} since ${new Date(since).toLocaleString()}`).join(", ") || "no segment"}`,
      `consent: ${list(client.consent.get())}`,
      `report: ${next.state}${budget ? `; epsilon ${budget.perReport} per report, ${budget.spentInWindow} of ${budget.perReport} this window, ${budget.spent} of ${budget.limit} this year` : ""}`,
    ];
    this.#state.replaceChildren(...lines.map((line) => h("li", {}, line)));
  }

  async #explain(segment: string): Promise<void> {
    const why = await this.client.explain(segment as never);
    if (!why) return this.#say(`The pack has no segment "${segment}", or the client is not ready.`);
    this.#say(`${segment}: ${why.member ? "in" : "out"}. ${why.sentence}`, ...reasons(why, ENGLISH, undefined));
  }

  async #simulate(text: string): Promise<void> {
    const [, name = "", properties = "{}"] = /^(\S+)\s*(\{.*)?$/s.exec(text.trim()) ?? [];
    const changes = await this.client.simulate([{ name, properties: JSON.parse(properties) as Record<string, number> }]);
    this.#say(changes.map(words).join("\n") || `${name} would change no segment.`);
  }

  #form(label: string, action: string, act: (text: string) => Promise<void>): HTMLElement {
    const input = h("input", { required: "" }) as HTMLInputElement;
    const form = h("form", {}, h("label", {}, label, input), h("button", {}, action));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#try(() => act(input.value));
    });
    return form;
  }

  #button(text: string, act: () => Promise<void>): HTMLElement {
    const button = h("button", { type: "button" }, text);
    button.addEventListener("click", () => void this.#try(act));
    return button;
  }

  async #try(act: () => Promise<void>): Promise<void> {
    await act().catch((error: unknown) => this.#say(String(error)));
  }

  #say(text: string, ...more: readonly Child[]): void {
    this.#answer.replaceChildren(h("pre", {}, text), ...more);
  }

  #note(text: string): void {
    this.#log.prepend(h("p", {}, `${new Date().toLocaleTimeString()} ${text}`));
    this.#log.children[LINES]?.remove();
  }
}

const json = (value: unknown): string => {
  try {
    return JSON.stringify(value) ?? "";
  } catch {
    return "";
  }
};
const list = (state: object): string => Object.entries(state).map(([name, choice]) => `${name} ${String(choice)}`).join(", ");
const words = ({ segment, kind, cause, by, because }: SegmentChange): string => `${kind} ${segment} (${by ?? cause}) ${because}`;
