/** The shop: a shelf, a closer look, and a basket. It tells the device what happens, and nobody else. */

import { at, fill, h } from "./dom.js";
import { declares, properties } from "./events.js";
import { money, products } from "./products.js";

const CODE = "FENNEL";
const DISCOUNT = 0.1;

/** Builds the shop; `app.tell(event, properties)` says whether the device took note. */
export function shop(app) {
  const basket = { items: [], coupon: false };
  const total = () => sum(basket.items) * (basket.coupon ? 1 - DISCOUNT : 1);

  const tell = (event, items, value) =>
    declares(app.pack, event) && app.tell(event, properties(app.pack, event, { items, total: value, coupon: basket.coupon }));

  function look(product) {
    const took = tell("product_view", [product], product.price);
    if (took) at(`product-${product.id}`).classList.add("looked");
    showSheet(product, took, "a look at this");
  }

  function add(product) {
    basket.items.push(product);
    showSheet(product, tell("add_to_cart", [product], product.price), "putting this in the basket");
    showBasket();
  }

  function drop(id) {
    basket.items.splice(basket.items.findIndex((item) => item.id === id), 1);
    showBasket();
    at("basket-title").focus();
  }

  function useCoupon(event) {
    event.preventDefault();
    const field = at("coupon");
    basket.coupon = field.value.trim().toUpperCase() === CODE;
    if (basket.coupon) app.say(noted(tell("coupon_redeem", basket.items, total()), "using a coupon"));
    else app.say(`The coupon of the day is ${CODE}.`);
    showBasket();
    (basket.coupon ? at("buy") : at("coupon")).focus();
  }

  function buy() {
    const paid = total();
    const took = tell("purchase", basket.items, paid);
    Object.assign(basket, { items: [], coupon: false });
    at("sheet").hidden = true;
    showBasket();
    app.say(`Thank you! ${money(paid)} of pretend money. ${noted(took, "the purchase")}`);
    at("basket-title").focus();
  }

  /** Shows what fits; what was typed stays in the field, and the device notes how much was found. */
  function search(event) {
    event.preventDefault();
    const words = at("query").value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = ({ name, words: about, department }) => words.every((word) => `${name} ${about} ${department}`.toLowerCase().includes(word));
    const found = products.filter(fits);
    for (const product of products) at(`product-${product.id}`).hidden = !found.includes(product);
    if (words.length === 0) return void (at("found").textContent = "");
    const took = app.tell("search", { found: found.length });
    at("found").textContent = `${found.length === 0 ? "Nothing fits; an empty search shows all." : `${found.length} of ${products.length} fit.`} ${noted(took, `a search that found ${found.length}`)}`;
  }

  const noted = (took, what) =>
    took ? `Noted on this device: ${what}.` : "Not noted: the first switch is off.";

  function showSheet(product, took, what) {
    const sheet = at("sheet");
    sheet.hidden = false;
    sheet.replaceChildren(
      h("img", { src: `art/${product.id}.svg`, alt: "" }),
      h("div", {},
        h("p", {}, h("strong", {}, product.name), " ", h("span", { class: "quiet" }, money(product.price))),
        h("p", { class: "quiet about" }, product.words),
        h("p", { class: took ? "noted" : "noted off" }, noted(took, what))),
      h("button", { type: "button", class: "plain", onclick: () => close(product) }, "Close"),
    );
  }

  function close(product) {
    at("sheet").hidden = true;
    at(`product-${product.id}`).querySelector(".look").focus();
  }

  function showBasket() {
    const key = JSON.stringify([basket.items.map((item) => item.id), basket.coupon]);
    fill(at("basket"), key, () => (basket.items.length === 0 ? nothing() : [lines(), sumLine()]));
  }

  const nothing = () => h("p", { class: "quiet" }, "Still empty. The round + puts things in.");

  function lines() {
    const kinds = products.filter((product) => basket.items.includes(product));
    return h("ul", { class: "lines" }, kinds.map((product) => {
      const n = basket.items.filter((item) => item === product).length;
      return h("li", {},
        h("span", {}, n > 1 ? `${n} × ${product.name}` : product.name),
        h("span", {}, money(product.price * n)),
        h("button", { type: "button", class: "drop", onclick: () => drop(product.id) }, "Take out", h("span", { class: "sr" }, ` ${product.name}`)));
    }));
  }

  function sumLine() {
    const coupon = basket.coupon
      ? h("p", { class: "quiet" }, `Coupon ${CODE}: 10 % off.`)
      : h("form", { class: "coupon", onsubmit: useCoupon },
          h("label", {}, `Coupon (try ${CODE})`, h("input", { id: "coupon", name: "coupon", autocomplete: "off", maxlength: 20 })),
          h("button", { class: "plain", type: "submit" }, "Use"));
    return h("div", { class: "sum" }, coupon,
      h("div", { class: "row" },
        h("span", { class: "big" }, money(total())),
        h("button", { type: "button", class: "solid", id: "buy", onclick: buy }, "Buy (pretend)")));
  }

  at("shelf").append(...products.map((product) =>
    h("li", { class: `product tint-${product.tint}`, id: `product-${product.id}` },
      h("div", { class: "art" }, h("img", { src: `art/${product.id}.svg`, alt: "", width: 240, height: 180 })),
      h("div", { class: "words" },
        h("div", {},
          h("h3", {}, h("button", { type: "button", class: "look", onclick: () => look(product) }, product.name)),
          h("p", { class: "price" }, money(product.price))),
        h("button", { type: "button", class: "add", onclick: () => add(product) },
          h("span", { "aria-hidden": "true" }, "+"), h("span", { class: "sr" }, `Add ${product.name} to the basket`))))));
  showBasket();
  at("search").addEventListener("submit", search);

  return {
    /** Says above the shelf whether anybody takes notes. */
    render() {
      at("shop-note").textContent = app.granted("segmentation")
        ? "Look, add, buy: your browser takes notes for itself."
        : "Look around: with the switches off, nobody takes notes.";
    },
  };
}

const sum = (items) => items.reduce((total, item) => total + item.price, 0);
