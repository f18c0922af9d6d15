/** Small helpers for building and finding elements; text is always set as text, never as markup. */

/** Finds the one element with this id. */
export const at = (id) => document.getElementById(id);

/** Builds an element: `h("p", { class: "quiet" }, "words", child)`. A function property named `on…` listens. */
export function h(name, properties = {}, ...children) {
  const element = document.createElement(name);
  assign(element, properties);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Builds an SVG element. */
export function svg(name, properties = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  assign(element, properties);
  element.append(...children.flat());
  return element;
}

function assign(element, properties) {
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
}

/** Replaces what is inside an element, but only when it differs, so that focus and open details survive. */
export function fill(element, key, build) {
  if (element.dataset.key === key) return;
  element.dataset.key = key;
  element.replaceChildren(...[build()].flat());
}
