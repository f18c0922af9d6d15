/** The ledger panel: the package's own `<keepset-ledger>`, and beside it what waits, taken apart, and what never leaves. */

import "./pkg/element.js";
import { at, fill, h } from "./dom.js";
import { decode, decodeLabels, split } from "./decode.js";
import { windowAt } from "./time.js";
import { amount, bytes, count, hex, whyNot, withheld } from "./words.js";

/** Builds the panel over `app.client.ledger` and `app.client.preview()`. */
export function ledger(app) {
  const plan = app.pack.plan;
  const title = (id) => app.pack.segments.find((segment) => segment.id === id)?.title ?? id;
  const record = at("record");
  record.plan = plan;
  record.texts = { withheld };
  record.client = app.client;
  let entries = [];
  let next = null;
  let waiting = null;

  function nextUp() {
    if (waiting === null) return h("p", { class: "empty" }, next && next.state !== "queued" ? whyNot(reason(next.state)) : "Nothing is waiting to leave.");
    return [
      h("div", { class: "waiting", "data-id": waiting.id },
        h("p", {}, h("b", {}, `Ready to leave: ${bytes(waiting.size)}`)),
        h("p", { class: "quiet" }, says[waiting.kind]),
        waiting.kind === "report" ? parts(waiting.body) : shared(waiting)),
      h("button", { type: "button", class: "plain", id: "send-now", onclick: send }, "Send them now"),
    ];
  }

  async function send() {
    const result = await app.client.flush();
    if (result.sent === 0 && result.skipped) app.say(whyNot(result.skipped));
    await app.refresh();
    at("ledger").focus({ preventScroll: true });
  }

  /** The bytes, part by part, and what this page reads in them by itself. */
  function parts(body) {
    const read = decode(plan, body);
    return h("div", { class: "open" },
      h("code", { class: "bytes" },
        split(body).flatMap(({ name: part, bytes: piece }) => [h("mark", { title: meanings[part] }, hex(piece).join(" ")), " "])),
      h("dl", { class: "fields" },
        field("version", read.version),
        field("plan", h("span", {}, `${read.plan}, `, h("a", { href: "../v1/plan", target: "_blank", rel: "noopener" }, "public"))),
        field("question", read.question),
        field("epoch", `${read.epoch}, the same for every device that week`),
        field("report id", `${read.id}, random, used once`),
        h("dt", {}, "noisy answer"), h("dd", {}, cells(read.cells)),
        h("dt", {}, "your real groups"), h("dd", { class: "stays" }, real(read.cells))));
  }

  /** The segments a message about labels tells, and what it says of each. */
  function shared({ body, kind }) {
    if (kind === "erasure") return null;
    return h("dl", { class: "fields" },
      h("dt", {}, "shared"), h("dd", {}, h("ul", { class: "cells" }, decodeLabels(app.pack.labels, body).map(({ name, on }) =>
        h("li", { class: on && "on" }, `${title(name)}: ${on ? "yes" : "no"}`)))),
      field("for", app.pack.labels.purpose),
      field("who reads it", app.pack.labels.owner));
  }

  /** Where the visitor really is, of the groups a report asks about; shown beside the noise, and never sent. */
  function real(list) {
    const mine = list.filter(({ name }) => app.client.has(name)).map(({ name }) => title(name));
    return `${mine.length > 0 ? mine.join(", ") : "none of these"}, as of now. This line stays here.`;
  }

  const field = (name, value) => [h("dt", {}, name), h("dd", {}, value instanceof Node ? value : String(value))];

  const cells = (list) => [
    h("ul", { class: "cells" }, list.map(({ name, none, on }) =>
      h("li", { class: on && "on" }, `${none ? name : title(name)}: ${on ? 1 : 0}`))),
    h("p", { class: "quiet" }, `Every answer has exactly ${count(list.filter(({ on }) => on).length, "cell")} set, and chance had a hand in which.`),
  ];

  function neverList() {
    const reasons = [
      h("li", {}, "Your events, features, segments and explanations", h("span", { class: "quiet" }, app.pack.labels ? "But for the segments you share, nothing in this page can send them: no code for it exists." : "Nothing in this page can send them: no code for it exists.")),
    ];
    const asked = new Set(plan?.questions.flatMap(({ segments, outcome }) => [...(segments ?? []), outcome]));
    for (const { id } of app.pack.labels?.segments ?? []) asked.add(id);
    const never = app.pack.segments.filter((segment) => !asked.has(segment.id));
    if (never.length > 0) reasons.push(h("li", {}, never.map((segment) => segment.title).join(", "), h("span", { class: "quiet" }, "No question of the plan asks about these and they are not among those to share, so nothing can mention them.")));
    return h("ul", { class: "reasons" }, reasons);
  }

  /** Says more exactly what the code leaves open: a new device counts its first window as answered, for one. */
  const reason = (state) => {
    if (state === "no_consent" && app.granted("reporting")) return "no_segments";
    const here = plan && windowAt(plan, app.clock.now()).number;
    return state === "answered" && !entries.some(({ window }) => window === here) ? "cool_down" : state;
  };

  async function exportAll() {
    const text = JSON.stringify(await app.client.exportData(), null, 2);
    const link = h("a", { href: URL.createObjectURL(new Blob([text], { type: "application/json" })), download: "little-fennel-everything.json" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    app.say("Everything this browser holds about you is in the file.");
  }

  function askToDelete() {
    const dialog = at("sure");
    dialog.replaceChildren(h("div", { class: "inside" },
      h("h2", { id: "sure-title" }, "Delete everything?"),
      h("p", {}, "Segments, switches, ledger and database go, on this device, at once, and what you share is taken back. Answers that left stay where they are, and nobody can tell which was yours."),
      h("div", { class: "buttons" },
        h("button", { type: "button", class: "danger", id: "delete-yes", onclick: deleteAll }, "Delete everything"),
        h("button", { type: "button", class: "plain", autofocus: true, onclick: () => dialog.close() }, "Keep it"))));
    dialog.showModal();
  }

  async function deleteAll() {
    await app.forget();
    at("sure").close();
    app.say("Gone. This browser is as it was before you came.");
  }

  at("export").addEventListener("click", exportAll);
  at("delete").addEventListener("click", askToDelete);

  return {
    /** Asks the client for everything this panel shows. */
    async read() {
      const before = waiting?.id;
      [entries, next, waiting] = await Promise.all([app.client.ledger.list(), app.client.ledger.next(), app.client.preview()]);
      if (waiting && waiting.id !== before) app.say(ready[waiting.kind]);
      const left = entries.filter(({ outcome }) => outcome === "accepted");
      app.left = { reports: left.length, bytes: left.reduce((sum, { size }) => sum + size, 0) };
      await record.refresh();
    },
    /** Shows it. */
    render() {
      at("ledger-bytes").textContent = amount(app.left.bytes);
      at("ledger-total").textContent = `${app.left.bytes === 1 ? "byte" : "bytes"}, in ${count(app.left.reports, "message")}`;
      fill(at("next"), waiting ? waiting.id : JSON.stringify(next && reason(next.state)), nextUp);
      fill(at("never"), "never", neverList);
    },
  };
}

const ready = {
  report: "A report is ready to leave. Its bytes are in the ledger.",
  label: "The segments you share are ready to leave. Their bytes are in the ledger.",
  erasure: "What you had shared is being taken back.",
};

const says = {
  report: "Exactly this report, and nothing else, sealed so that only the collector can read it. It goes a little later by itself, at a moment drawn at random.",
  label: "Exactly this, and nothing else, sealed so that only the collector can read it, under a name that changes and that no report has.",
  erasure: "The word that erases what you had shared. It leaves at once, and no switch stops it.",
};

const meanings = {
  version: "the version of the format",
  plan: "the hash of the public plan it answers",
  question: "the number of the question",
  epoch: "the week, the same for every device",
  id: "a random name, so that a copy changes nothing",
  answer: "the noisy answer, one bit per cell",
};
