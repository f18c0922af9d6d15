// Keepset on its two levels: the engine alone, and the client as a page calls it.

let made = 0;

const channel = globalThis.document && new MessageChannel();

/** Lets everything else run that waits for the thread: what the client does after its answer, saving, is part of the event. */
export function turn() {
  if (!channel) return new Promise((done) => setImmediate(done));
  return new Promise((done) => {
    channel.port1.onmessage = done;
    channel.port2.postMessage(0);
  });
}

/**
 * The engine: one call into the wasm for each event, the changes it returns read. Nothing is stored.
 * `at(n)` is the time of the n-th event, `event(n)` its name and properties, `before` events that came earlier.
 */
export function engine({ pack, at, event, truth, before = [], name = "Keepset, the engine" }) {
  return {
    name,
    level: "engine",
    start({ Core }) {
      const core = new Core(JSON.stringify(pack), undefined, before[0]?.at ?? at(0));
      const inside = new Set();
      const take = (changes) => {
        for (const { segment, kind } of changes) kind === "entered" ? inside.add(segment) : inside.delete(segment);
      };
      take(core.setConsent({ segmentation: "granted" }, before[0]?.at ?? at(0)));
      for (const past of before) take(core.track(past.name, past.properties, past.at, past.at));
      return {
        step(n) {
          const now = at(n);
          const { name, properties } = event(n);
          take(core.track(name, properties, now, now));
        },
        answer() {
          const told = core.memberships().map(({ id }) => id);
          if (told.length !== inside.size || told.some((id) => !inside.has(id))) throw new Error("the changes told do not add up to the memberships");
          return told;
        },
        truth: truth ?? (() => inside),
        stop: () => core.free(),
      };
    },
  };
}

/**
 * The client: `track()`, then a question whose answer comes after the event was taken in, then one turn of the thread for
 * what is left to do. Saves as it does for everyone: into IndexedDB in a page, into memory in Node.
 */
export function client({ pack, at, event, truth, before = [], name = "Keepset, the client" }) {
  return {
    name,
    level: "client",
    async start({ createClient, storage }) {
      let now = before[0]?.at ?? at(0);
      made += 1;
      const problems = [];
      const keepset = createClient({ pack, name: `bench-${made}`, storage, clock: { now: () => now } });
      keepset.on("error", (error) => problems.push(error.code));
      await keepset.ready;
      await keepset.consent.set({ segmentation: "granted", storage: "granted" });
      const answered = () => keepset.ledger.list();
      const inside = new Set();
      keepset.on("change", ({ entered, left }) => {
        for (const id of entered) inside.add(id);
        for (const id of left) inside.delete(id);
      });
      for (const [n, past] of before.entries()) {
        now = past.at;
        keepset.track(past.name, past.properties);
        if (n % 100 === 99) await answered().then(turn);
      }
      await answered();
      return {
        waits: true,
        async step(n) {
          now = at(n);
          const { name, properties } = event(n);
          keepset.track(name, properties);
          await answered();
          await turn();
        },
        // A choice is confirmed when it is kept, and with it every event before it.
        drain: () => keepset.consent.set({ segmentation: "granted" }),
        answer() {
          if (problems.length > 0) throw new Error(`the client complained: ${problems[0]}`);
          return keepset.getSnapshot().segments.map(({ id }) => id);
        },
        truth: truth ?? (() => inside),
        async stop() {
          await keepset.deleteAll();
          await keepset.destroy();
        },
      };
    },
  };
}

/** Both levels of the same work. */
export const both = (work) => [engine(work), client(work)];
