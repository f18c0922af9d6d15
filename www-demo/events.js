/** Turns what happens in the shop into events with exactly the properties the pack declares. */

/** The property values this shop knows how to tell, by the names a pack may use for them. */
const known = {
  value: (basket) => round(basket.total),
  price: (basket) => round(basket.total),
  units: (basket) => basket.items.length,
  quantity: (basket) => basket.items.length,
  coupon: (basket) => basket.coupon,
  fresh: (basket) => basket.items.some((item) => item.department === "fresh"),
  department: (basket) => basket.items[0]?.department,
  product: (basket) => basket.items[0]?.id,
  trip: (basket) => trip(new Set(basket.items.map((item) => item.department)).size),
};

const round = (value) => Math.round(value * 100) / 100;

/** A trip is quick in one department, a fill-in in two or three, and a stock-up in four or more. */
const trip = (departments) => (departments >= 4 ? "stock_up" : departments >= 2 ? "fill_in" : "quick");

/** Tells whether the pack declares the event at all. */
export const declares = (pack, event) => Object.hasOwn(pack.events, event);

/** Returns the declared properties of an event that this shop can tell; nothing else ever reaches the engine. */
export function properties(pack, event, basket) {
  const declared = pack.events[event]?.properties ?? {};
  const told = Object.entries(declared).map(([name, rule]) => [name, known[name]?.(basket), rule]);
  return Object.fromEntries(told.filter(([, value, rule]) => fits(value, rule)).map(([name, value]) => [name, value]));
}

function fits(value, rule) {
  if (value === undefined) return false;
  if (rule.type === "number") return typeof value === "number" && value >= (rule.min ?? -Infinity) && value <= (rule.max ?? Infinity);
  if (rule.type === "flag") return typeof value === "boolean";
  return rule.type === "category" && rule.values.includes(value);
}
