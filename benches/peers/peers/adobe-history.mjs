// @adobe/aep-rules-engine with history conditions, over the event registry of @adobe/alloy-core.
import RulesEngine from "@adobe/aep-rules-engine";
import createEventRegistry from "@adobe/alloy-core/components/RulesEngine/createEventRegistry.js";
import { createInMemoryStorage, generateEventHash } from "@adobe/alloy-core/components/RulesEngine/utils/index.js";

const KEY = "events";
const named = (name) => ({ eventType: "bench", eventId: name });
const logger = { info() {} };

/** The registry a returning visitor has: past events in the storage it restores from. */
function filled(before) {
  globalThis.localStorage?.clear();
  const storage = globalThis.localStorage ?? createInMemoryStorage();
  const registry = {};
  for (const { name, at } of before) {
    const entry = (registry[generateEventHash(named(name))] ??= { timestamps: [] });
    entry.timestamps.push(at);
  }
  storage.setItem(KEY, JSON.stringify(registry));
  return createEventRegistry({ storage, logger });
}

/** `conditions` are `{ id, event, days, least }`: at least so many events of that name since so many days before `now`. */
function ruleset(conditions, now) {
  return conditions.map(({ id, event, days, least }) => ({
    condition: {
      type: "historical",
      definition: { events: [{ type: "bench", id: event }], matcher: "ge", value: least, from: now - days * 86_400_000, to: Number.MAX_SAFE_INTEGER },
    },
    consequences: [{ id, type: "t", detail: {} }],
  }));
}

/** The rules over the history; with `stores`, each event first goes into the registry, which saves itself. */
function history(name, stores, { conditions, before, event, now, truth }) {
  return {
    name,
    peer: true,
    start() {
      const registry = filled(before);
      const engine = RulesEngine({ version: 1, rules: ruleset(conditions, now) }, { generateEventHash });
      const context = { events: registry.toJSON() };
      let held = [];
      return {
        step(n) {
          const { name } = event(n);
          if (stores) registry.addEvent(named(name));
          else context.events[generateEventHash(named(name))].timestamps.push(Date.now());
          held = engine.execute(context).flat().map(({ id }) => id);
        },
        answer: () => held,
        truth,
      };
    },
  };
}

/** As the Web SDK does it, and the conditions alone. */
export const adobeHistory = (work) => [
  history("@adobe/alloy-core registry + @adobe/aep-rules-engine", true, work),
  history("@adobe/aep-rules-engine, history conditions alone", false, work),
];
