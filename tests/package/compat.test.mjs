// Other vendors' calls, as their documentation writes them, told to a real engine: what counts, and that nobody's id gets in.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";

import { install } from "./support/installed.mjs";
import { shop } from "./support/packs.mjs";

const { dist } = install();
const load = (file) => import(join(dist, file));
const [{ createTestClient }, { segment }, { gtm }, { posthog }, { snowplow }, { connectDataLayer }] = await Promise.all(
  ["testing.js", "compat-segment.js", "compat-gtm.js", "compat-posthog.js", "compat-snowplow.js", "datalayer.js"].map(load),
);

const number = { type: "number", min: 0, max: 100_000 };
const event = (properties = {}) => ({ title: "t", properties });
const sum = (event, property) => ({ kind: "sum", event, property, window_days: 28, title: "t" });
const count = (event) => ({ kind: "count", event, window_days: 28, title: "t" });
/** A pack that would look at everything it is told, ids too. */
const pack = shop({
  events: {
    purchase: event({ value: number, quantity: number, items: number, user_id: { type: "id" }, email: { type: "id" }, order_id: { type: "id" } }),
    order_completed: event({ revenue: number, products: number, user_id: { type: "id" } }),
    add_to_cart: event({ value: number, quantity: number }),
    page_view: event({ title: { type: "id" }, url: { type: "id" } }),
    visit: event(),
  },
  features: {
    orders: count("purchase"),
    worth: sum("purchase", "value"),
    items: sum("purchase", "items"),
    completed: count("order_completed"),
    revenue: sum("order_completed", "revenue"),
    products: sum("order_completed", "products"),
    carts: count("add_to_cart"),
    quantity: sum("add_to_cart", "quantity"),
    views: count("page_view"),
  },
  segments: [{ id: "buyer", title: "Buyer", reason: "r", enter: { feature: "orders", op: ">=", value: 1 } }],
  plan: undefined,
});

/** A client, and everything it was told as it was told. */
async function shopper() {
  const tested = await createTestClient({ pack });
  const told = [];
  const track = tested.client.track.bind(tested.client);
  tested.client.track = (...call) => (told.push(call), track(...call));
  /** The features that are not zero. */
  const features = async () => Object.fromEntries((await tested.client.features()).filter(({ value }) => value).map(({ id, value }) => [id, value]));
  return { ...tested, client: tested.client, told, features };
}

/** Fails when a word of a person is anywhere in what a client was told. */
const anonymous = (told) => assert.doesNotMatch(JSON.stringify(told.map(([name, properties]) => [name, properties])), /u-77|ann@|Ann|4711|https?:|Checkout/);

test("Segment: the calls of its specification count, the queue of its snippet too, and its callbacks are called", async () => {
  const { client, told, features, errors } = await shopper();
  const stub = Object.assign([["track", "Order Completed", { revenue: 25, userId: "u-77" }], ["identify", "u-77", { email: "ann@example.com" }], ["page", "Shop", "Checkout"]], { invoked: true });
  const analytics = segment(client, { queue: stub, events: { "Product Added": "add_to_cart", Secret: null } });
  let called = 0;
  await analytics.track("Order Completed", { order_id: "4711", revenue: 24.5, currency: "EUR", email: "ann@example.com", products: [{ sku: "a" }, { sku: "b" }] }, {}, () => called++);
  await analytics.track("Product Added", { quantity: 3, name: "Ann" });
  await analytics.track("Order Completed", { revenue: 1 }, { messageId: "m1", timestamp: new Date(Date.UTC(2025, 11, 31)) });
  await analytics.track("Order Completed", { revenue: 1 }, { messageId: "m1" });
  await analytics.track("Secret", {});
  await analytics.page("Cart", "Checkout", { url: "https://shop.example/?u=4711", title: "Checkout" }, {}, () => called++);
  await analytics.identify("u-77", { email: "ann@example.com" }, () => called++);
  await analytics.group("g");
  await analytics.alias("u-77");
  await analytics.ready(() => called++);
  await client.ledger.list();
  assert.deepEqual(await features(), { completed: 3, revenue: 50.5, products: 2, carts: 1, quantity: 3, views: 2 });
  assert.equal(called, 4);
  anonymous(told);
  assert.deepEqual(errors, []);
  await analytics.reset();
  assert.deepEqual(await features(), {});
  await client.destroy();
});

test("Google's tag: gtag and dataLayer count, an order with its number once, and commands to the tag are passed over", async () => {
  const { client, told, features } = await shopper();
  const queue = [{ event: "gtm.js", "gtm.start": 1 }, { event: "purchase", user_id: "u-77", ecommerce: { transaction_id: "4711", value: 10, items: [1, 2] } }, null, 7];
  const { gtag, dataLayer } = gtm(client, { queue, events: { sign_up: "visit" } });
  gtag("js", new Date());
  gtag("config", "G-1", { user_id: "u-77" });
  gtag("consent", "update", { ad_storage: "granted" });
  gtag("event", "add_to_cart", { value: 5, quantity: 2, page_location: "https://shop.example", from: "https://shop.example", contact: "ann@example.com" });
  gtag("event", "sign_up");
  gtag("event", "purchase", { transaction_id: "4711", value: 10 });
  assert.equal(dataLayer.push({ event: "purchase", ecommerce: { transaction_id: 4712, value: 2 } }), 1);
  (function () { dataLayer.push(arguments); })("event", "purchase", { value: 3 });
  await client.ledger.list();
  assert.deepEqual(await features(), { orders: 3, worth: 15, items: 2, carts: 1, quantity: 2 });
  anonymous(told);
  await client.destroy();
});

test("PostHog: capture counts, its own events are not taken but for page views, and an opt-out is a no to everything", async () => {
  const { client, told, features } = await shopper();
  const ph = posthog(client, { queue: Object.assign([["capture", "purchase", { value: 4 }], ["identify", "u-77"]], { _i: [] }), events: { "cart filled": "add_to_cart" } });
  ph.capture("purchase", { value: 6, $set: { email: "ann@example.com" }, distinct_id: "u-77" }, { timestamp: new Date(Date.UTC(2025, 11, 30)) });
  ph.capture("$pageview", { $current_url: "https://shop.example" });
  ph.capture("$autocapture", { $el_text: "Ann" });
  ph.capture("$identify", { distinct_id: "u-77" });
  ph.capture("cart filled", { quantity: 2, $insert_id: "i1" });
  ph.capture("cart filled", { quantity: 2, $insert_id: "i1" });
  ph.identify("u-77", { email: "ann@example.com" });
  ph.register({ plan: "Ann" });
  ph.opt_in_capturing();
  await client.ledger.list();
  assert.deepEqual(await features(), { orders: 2, worth: 10, carts: 1, quantity: 2, views: 1 });
  anonymous(told);
  ph.opt_out_capturing();
  assert.equal(ph.has_opted_out_capturing(), true);
  ph.opt_in_capturing();
  await client.ledger.list();
  assert.deepEqual(client.consent.get(), { segmentation: "denied", storage: "denied", reporting: "denied", sharing: "denied" });
  assert.deepEqual(await features(), {});
  await client.destroy();
});

test("Snowplow: page views, structured and self-describing events count, with a tracker's name and without", async () => {
  const { client, told, features } = await shopper();
  const queue = [["newTracker", "sp1", "https://c.example"], (function () { return arguments; })("trackPageView:sp1", { title: "Checkout" })];
  const sp = snowplow(client, { queue, events: { bought: "purchase" } });
  sp("setUserId", "u-77");
  sp("trackPageView");
  sp("trackStructEvent", { category: "shop", action: "bought", label: "Ann", property: "4711", value: 8 });
  sp("trackSelfDescribingEvent:sp1", { event: { schema: "iglu:com.acme/add_to_cart/jsonschema/1-0-0", data: { sku: "a", quantity: 2, userId: "u-77" } }, timestamp: { type: "dtm", value: Date.UTC(2025, 11, 30) } });
  sp("enableActivityTracking", { minimumVisitLength: 10 });
  await client.ledger.list();
  assert.deepEqual(await features(), { orders: 1, worth: 8, carts: 1, quantity: 2, views: 2 });
  anonymous(told);
  await client.destroy();
});

test("no call of a page, however wrong, throws into it", async () => {
  const { client } = await shopper();
  const hostile = [undefined, null, 7, "x", [], () => {}, Symbol("s"), { get event() { throw new Error("no"); } }, new Proxy({}, { get() { throw new Error("no"); } })];
  const surfaced = [];
  globalThis.reportError = (error) => surfaced.push(error);
  for (const bad of hostile) {
    const { gtag, dataLayer } = gtm(client, { queue: [bad] });
    gtag("event", "purchase", bad);
    dataLayer.push(bad);
    await segment(client, { queue: [bad] }).track("purchase", bad, bad);
    segment(client, { queue: bad });
    for (const make of [segment, posthog]) assert.equal(typeof make(client, { queue: [["__defineGetter__", "reset", () => bad]] }).reset, "function", "no call that is not its own");
    posthog(client, { queue: [bad] }).capture(bad, bad, bad);
    snowplow(client, { queue: [bad] })("trackSelfDescribingEvent", bad);
    connectDataLayer(client, { layer: [bad] })();
  }
  delete globalThis.reportError;
  assert.ok(surfaced.every((error) => error.message === "no"), surfaced.map(String).join());
  await client.destroy();
});

test("the data layer of a page is read, its own push keeps its result, and segments go out only with consent to sharing", async () => {
  const { client, told, features } = await shopper();
  const layer = [{ event: "purchase", ecommerce: { value: 1 } }];
  const stop = connectDataLayer(client, { layer, segments: ["buyer"], events: { lead: "visit", noise: null } });
  const out = () => layer.filter((item) => item.event === "keepset_segments").map((item) => item.keepset_segments);
  assert.equal(layer.push({ event: "purchase", ecommerce: { value: 2 } }, { event: "noise" }), 3);
  await client.ledger.list();
  assert.deepEqual(await features(), { orders: 2, worth: 3 });
  assert.deepEqual(out(), [["buyer"]]);
  await client.consent.set({ sharing: "denied" });
  assert.deepEqual(out(), [["buyer"], []]);
  await client.consent.set({ sharing: "granted" });
  assert.deepEqual(out(), [["buyer"], [], ["buyer"]]);
  assert.ok(told.every(([name]) => name !== "keepset_segments"));
  stop();
  assert.deepEqual(out().at(-1), []);
  layer.push({ event: "purchase" });
  await client.ledger.list();
  assert.equal((await features()).orders, 2);
  assert.equal(Object.hasOwn(layer, "push"), false, "the page's own push is back");
  await client.destroy();
});

test("of a data layer nothing goes out that is not named, and an aborted connection reads nothing", async () => {
  const { client, features } = await shopper();
  const layer = [];
  connectDataLayer(client, { layer });
  connectDataLayer(client, { layer, signal: AbortSignal.abort() });
  layer.push({ event: "purchase", ecommerce: { value: 2 } });
  await client.ledger.list();
  assert.deepEqual([await features(), layer.length], [{ orders: 1, worth: 2 }, 1]);
  await client.destroy();
});
