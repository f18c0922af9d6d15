// The search box of the theme calls itself a button, and "option" what holds a link. This says what they are, whenever the box changes.

const WATCHED = ["id", "aria-selected", "aria-owns", "aria-label", "aria-controls"];
/** What the theme writes on an item and belongs to the link in it. */
const HANDED = ["id", "aria-selected"];

/** Follows the box in a browser. */
export function mendSearch() {
  const look = () => document.querySelectorAll(".VPLocalSearchBox").forEach(mend);
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: WATCHED });
}

function mend(box) {
  set(box, { role: "dialog", "aria-modal": "true", "aria-owns": null, "aria-expanded": null, "aria-haspopup": null });
  const input = box.querySelector("input");
  if (input) set(input, { role: "combobox", "aria-expanded": String(input.hasAttribute("aria-controls")) });
  for (const key of box.querySelectorAll("kbd[aria-label]")) set(key, { role: "img" });
  for (const item of box.querySelectorAll("li")) {
    const link = item.querySelector("a");
    if (!link) continue;
    set(item, { role: "presentation" });
    set(link, { role: "option", "aria-label": null });
    for (const name of HANDED) {
      if (item.hasAttribute(name)) set(link, { [name]: item.getAttribute(name) });
      set(item, { [name]: null });
    }
  }
}

/** Writes what is not so yet; `null` takes an attribute away. */
function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (element.getAttribute(name) === value) continue;
    if (value === null) element.removeAttribute(name);
    else element.setAttribute(name, value);
  }
}
