/** The pack's segments as a live list, and the dialog that says why. */

import { at, fill, h } from "./dom.js";
import { lastChange, nearestChange, ruleList } from "./why.js";
import { ago, dateAndTime } from "./words.js";

/** Builds one row per segment of the pack. */
export function segments(app) {
  const rows = new Map(app.pack.segments.map((segment) => [segment.id, row(segment)]));
  at("segment-list").append(...[...rows.values()].map(({ item }) => item));
  const dialog = at("why");
  let open;

  function row(segment) {
    const since = h("span", { class: "since" });
    const button = h("button", { type: "button", class: "segment", id: `segment-${segment.id}`, "aria-haspopup": "dialog", onclick: () => show(segment) },
      h("span", { class: "dot" }), h("span", { class: "name" }, segment.title), since);
    return { item: h("li", {}, button), button, since };
  }

  async function show(segment) {
    open = segment;
    await draw();
    if (!dialog.open) dialog.showModal();
  }

  async function draw() {
    const segment = open;
    const explanation = await app.client.explain(segment.id);
    if (open !== segment) return;
    const member = memberships().get(segment.id);
    const change = app.reasons.get(segment.id);
    const known = explanation && app.granted("segmentation");
    const key = JSON.stringify([segment.id, member, explanation, change]);
    fill(dialog, key, () => h("div", { class: "inside" },
      h("div", { class: "head" },
        h("h2", { id: "why-title" }, segment.title),
        h("button", { type: "button", class: "plain", autofocus: true, onclick: () => dialog.close() }, "Close")),
      h("p", {}, h("span", { class: member ? "verdict in" : "verdict" }, member ? `You are in, since ${dateAndTime(member.since)}` : "You are not in")),
      known
        ? h("p", { id: "why-visitor" }, explanation.visitor)
        : h("p", {}, `This one is for when ${segment.reason.replace(/^because /, "")}.`),
      known && change && h("p", { id: "why-change", class: "quiet" }, lastChange(change, app.pack)),
      known ? ruleList(explanation) : h("p", { class: "empty" }, nothingYet(app)),
      known && h("section", { class: "nearest", "aria-labelledby": "nearest-title" },
        h("h3", { id: "nearest-title" }, "What would change this"),
        h("p", { id: "why-nearest" }, nearestChange(explanation))),
      h("p", { class: "quiet" }, "Worked out in this browser just now. The shop does not see this.")));
    if (dialog.open && !dialog.contains(document.activeElement)) dialog.querySelector("button").focus();
  }

  const memberships = () => new Map(app.client.getSnapshot().segments.map((membership) => [membership.id, membership]));

  /** Puts the segments the visitor is in first, each group in the pack's order; focus stays where it is. */
  function sort(now) {
    const ids = [...rows.keys()];
    const order = [...ids.filter((id) => now.has(id)), ...ids.filter((id) => !now.has(id))];
    const shown = [...at("segment-list").children];
    if (order.every((id, index) => rows.get(id).item === shown[index])) return;
    const focused = document.activeElement;
    at("segment-list").append(...order.map((id) => rows.get(id).item));
    if (focused?.classList.contains("segment")) focused.focus({ preventScroll: true });
  }

  dialog.addEventListener("close", () => (open = undefined));
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());

  return {
    /** Shows who is in and since when. */
    render() {
      const now = memberships();
      sort(now);
      for (const [id, { button, since }] of rows) {
        const member = now.get(id);
        button.classList.toggle("in", member !== undefined);
        since.textContent = member ? `in, ${ago(member.since, app.clock.now())}` : "not in";
      }
      at("segments-note").textContent = app.granted("segmentation") ? `In ${now.size} of ${rows.size}. Open one to see why.` : nothingYet(app);
      if (open) draw();
    },
    /** Draws the eye to what just changed. */
    mark(ids) {
      for (const id of ids) {
        const button = rows.get(id)?.button;
        button?.classList.add("fresh");
        setTimeout(() => button?.classList.remove("fresh"), 1_500);
      }
    },
  };
}

function nothingYet(app) {
  if (app.client.error) return "The engine is not running, so nothing is worked out.";
  return app.granted("segmentation") ? "There is no answer yet." : "The first switch is off, so nothing is worked out.";
}
