/** The ledger panel: what left, what would leave next, what did not and why, and what it cost. */

import { at, fill, h } from "./dom.js";
import { decode, reportLength, split } from "./decode.js";
import { windowAt } from "./time.js";
import { amount, bytes, count, dateAndTime, hex, whyNot } from "./words.js";

/** Builds the panel over `app.client.ledger` and `app.client.preview()`. */
export function ledger(app) {
  const plan = app.pack.plan;
  const title = (id) => app.pack.segments.find((segment) => segment.id === id)?.title ?? id;
  let entries = [];
  let next = null;
  let waiting = null;
  let budget = null;

  /** The promise that is true for every report of this plan. */
  const price = () => {
    const year = plan.epsilon * plan.windows_per_year;
    return `epsilon ${amount(plan.epsilon)} of ${amount(plan.epsilon)} for its window, ${amount(year)} a year at most`;
  };

  function sentList() {
    const sent = entries.filter(({ outcome }) => outcome === "accepted");
    if (sent.length === 0) return h("p", { class: "empty" }, "Nothing. Not one byte about you has left this device.");
    return [...sent].reverse().map((entry, index) =>
      report({
        body: entry.body, left: true, key: entry.id, open: index === 0 && sent.length === 1,
        name: `${dateAndTime(entry.at)}: received by the collector`,
        says: `1 noisy answer, ${bytes(weight(entry))}, ${price()}.`,
      }));
  }

  function nextUp() {
    if (waiting === null) return h("p", { class: "empty" }, "Nothing is waiting to leave.");
    return [
      report({
        body: waiting.body, left: false, key: waiting.id, open: true, truth: true,
        name: `Ready to leave: ${bytes(waiting.body.length)}`,
        says: "Exactly these bytes, and no others. They go a little later by themselves, at a moment drawn at random.",
      }),
      h("button", { type: "button", class: "plain", id: "send-now", onclick: send }, "Send them now"),
    ];
  }

  async function send() {
    const result = await app.client.flush();
    if (result.sent === 0 && result.skipped) app.say(whyNot(result.skipped));
    await app.refresh();
    at("ledger").focus({ preventScroll: true });
  }

  function report({ body, left, key, open, truth, name, says }) {
    if (body.length === 0) return erased(name, says);
    const read = decode(plan, body);
    return h("details", { class: left ? "entry left" : "entry", open, "data-id": key },
      h("summary", {}, h("b", {}, name), h("span", { class: "more" }, "every byte"), h("span", { class: "quiet" }, says)),
      h("div", { class: "open" },
        h("code", { class: "bytes" },
          split(body).flatMap(({ name: part, bytes: piece }) => [h("mark", { title: meanings[part] }, hex(piece).join(" ")), " "])),
        h("dl", { class: "fields" },
          field("version", read.version),
          field("plan", h("span", {}, `${read.plan}, `, h("a", { href: "../v1/plan", target: "_blank", rel: "noopener" }, "public"))),
          field("question", read.question),
          field("epoch", `${read.epoch}, the same for every device that week`),
          field("report id", `${read.id}, random, used once`),
          h("dt", {}, "noisy answer"), h("dd", {}, cells(read.cells)),
          truth && [h("dt", {}, "your real groups"), h("dd", { class: "stays" }, real(read.cells))])));
  }

  /** The bytes of a report that left; erasing forgets them here and not that they left. */
  const weight = (entry) => entry.body.length || reportLength(plan);

  /** Where the visitor really is, of the groups a report asks about; shown beside the noise, and never sent. */
  function real(list) {
    const mine = list.filter(({ name }) => app.client.has(name)).map(({ name }) => title(name));
    return `${mine.length > 0 ? mine.join(", ") : "none of these"}, as of now. This line stays here.`;
  }

  const field = (name, value) => [h("dt", {}, name), h("dd", {}, value instanceof Node ? value : String(value))];

  const erased = (name, says) =>
    h("div", { class: "entry left gone" }, h("p", {}, h("b", {}, name)), h("p", { class: "quiet" }, `${says} You erased its bytes here.`));

  const cells = (list) => [
    h("ul", { class: "cells" }, list.map(({ name, none, on }) =>
      h("li", { class: on && "on" }, `${none ? name : title(name)}: ${on ? 1 : 0}`))),
    h("p", { class: "quiet" }, `Every answer has exactly ${count(list.filter(({ on }) => on).length, "cell")} set, and chance had a hand in which. Whatever your true segments are, any other person was at least 1/${amount(Math.exp(plan.epsilon))} as likely to send these same bytes.`),
  ];

  function keptList() {
    const reasons = [
      h("li", {}, "Your events, features, segments and explanations", h("span", { class: "quiet" }, "Nothing in this page can send them: no code for it exists.")),
    ];
    if (next && next.state !== "queued") reasons.unshift(h("li", {}, "The next report", h("span", { class: "quiet" }, whyNot(reason(next.state)))));
    for (const entry of entries.filter(({ outcome }) => ends[outcome])) {
      reasons.push(h("li", {}, `The report of ${dateAndTime(entry.at)}`, h("span", { class: "quiet" }, `${ends[entry.outcome]} It still counts as spent.`)));
    }
    const asked = new Set(plan?.questions.flatMap((question) => question.segments));
    const never = app.pack.segments.filter((segment) => !asked.has(segment.id));
    if (never.length > 0) reasons.push(h("li", {}, never.map((segment) => segment.title).join(", "), h("span", { class: "quiet" }, "No question of the plan asks about these, so no report can mention them.")));
    return h("ul", { class: "reasons" }, reasons);
  }

  /** Says more exactly what the code leaves open: a new device counts its first window as answered, for one. */
  const reason = (state) => {
    if (state === "no_consent" && app.granted("reporting")) return "no_segments";
    const here = plan && windowAt(plan, app.clock.now()).number;
    return state === "answered" && !entries.some(({ window }) => window === here) ? "cool_down" : state;
  };

  function budgetLine() {
    if (!plan) return h("p", { class: "quiet" }, "This pack asks no questions: nothing can leave.");
    const spent = budget?.spent ?? 0;
    const limit = budget?.limit ?? plan.epsilon * plan.windows_per_year;
    return h("div", { class: "spent" },
      h("label", { for: "spent" }, `Privacy budget of this year: ${amount(spent)} of ${amount(limit)}`),
      h("progress", { id: "spent", max: limit, value: spent }),
      h("p", {}, `Each report costs epsilon ${amount(plan.epsilon)}, at most one per window, so at most ${amount(plan.epsilon)} per window and ${amount(limit)} a year. The smaller the number, the less anyone can learn.`));
  }

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
      h("p", {}, "Segments, switches, ledger and database go, on this device, at once. What left stays where it is, and nobody can tell which answer was yours."),
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
      [entries, next, waiting, budget] = await Promise.all([
        app.client.ledger.list(), app.client.ledger.next(), app.client.preview(), app.client.ledger.budget(),
      ]);
      if (waiting && waiting.id !== before) app.say("A report is ready to leave. Its bytes are in the ledger.");
      const left = entries.filter(({ outcome }) => outcome === "accepted");
      app.left = { reports: left.length, bytes: left.reduce((sum, entry) => sum + weight(entry), 0) };
    },
    /** Shows it. */
    render() {
      at("ledger-bytes").textContent = amount(app.left.bytes);
      at("ledger-total").textContent = `${app.left.bytes === 1 ? "byte" : "bytes"}, in ${count(app.left.reports, "report")}`;
      fill(at("sent"), entries.map(({ id, outcome, body }) => id + outcome + body.length).join(), sentList);
      fill(at("next"), waiting ? waiting.id : "nothing", nextUp);
      fill(at("kept"), JSON.stringify([next && reason(next.state), entries.map(({ outcome }) => outcome)]), keptList);
      fill(at("budget"), JSON.stringify(budget), budgetLine);
    },
  };
}

/** How a report ends that did not leave. */
const ends = {
  refused: "Refused, and never tried again.",
  withdrawn: "You withdrew before it was sent.",
  expired: "Its window closed before it was sent.",
};

const meanings = {
  version: "the version of the format",
  plan: "the hash of the public plan it answers",
  question: "the number of the question",
  epoch: "the week, the same for every device",
  id: "a random name, so that a copy changes nothing",
  answer: "the noisy answer, one bit per cell",
};
