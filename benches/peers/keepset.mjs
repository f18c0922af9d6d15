// Keepset on its two levels: the engine alone, and the client as a page calls it.

let made = 0;

/** The offsets of a time zone without any: from 1970 on, none. */
const UTC = Float64Array.of(0, 0);

const channel = globalThis.document && new MessageChannel();

/** Lets everything else run that waits for the thread: the client takes an event in a moment after it was told, and saves it then. */
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
    start({ Profile, compile }) {
      const core = new Profile(compile(JSON.stringify(pack)), undefined, UTC, before[0]?.at ?? at(0));
      const inside = new Set();
      const ids = pack.segments.map(({ id }) => id);
      // Of each change: the segment, whether it was entered, three numbers more, and of how many that say why it is followed.
      const take = (told) => {
        for (let from = 0; from < told.length; from += 6 + told[from + 5]) told[from + 1] ? inside.add(ids[told[from]]) : inside.delete(ids[told[from]]);
      };
      take(core.setConsent({ segmentation: "granted" }, 0, before[0]?.at ?? at(0)));
      for (const past of before) take(core.track(past.name, past.properties, past.at, undefined, past.at));
      return {
        step(n) {
          const now = at(n);
          const { name, properties } = event(n);
          take(core.track(name, properties, now, undefined, now));
        },
        answer() {
          const told = core.segments().map(({ id }) => id);
          const held = core.standings().filter((since) => since === since).length;
          if (told.length !== held || told.length !== inside.size || told.some((id) => !inside.has(id))) throw new Error("the changes told do not add up to the memberships");
          return told;
        },
        truth: truth ?? (() => inside),
        stop: () => core.free(),
      };
    },
  };
}

/**
 * The client: `track()`, then one turn of the thread; what such a turn costs with nothing to do is taken off. In a rush it takes the events
 * of several turns in together, so of its figures the mean is what an event costs. Saves as it does for everyone: into IndexedDB in a page; in Node into a store of the host's, kept in memory, that hands back what it was given.
 */
export function client({ pack, at, event, truth, before = [], name = "Keepset, the client" }) {
  return {
    name,
    level: "client",
    async start({ createClient, compile, storage }) {
      let now = before[0]?.at ?? at(0);
      made += 1;
      const problems = [];
      const keepset = createClient({ pack: compile(JSON.stringify(pack)), name: `bench-${made}`, storage: storage(), clock: { now: () => now } });
      keepset.on("error", (error) => problems.push(error.code));
      await keepset.ready;
      await keepset.consent.set({ segmentation: "granted", storage: "granted" });
      const inside = new Set();
      keepset.on("change", ({ entered, left }) => {
        for (const id of entered) inside.add(id);
        for (const id of left) inside.delete(id);
      });
      for (const [n, past] of before.entries()) {
        now = past.at;
        keepset.track(past.name, past.properties);
        // Taken in at its own time, not at that of a later one.
        await null;
        if (n % 100 === 99) await turn();
      }
      await turn();
      return {
        waits: true,
        turn,
        async step(n) {
          now = at(n);
          const { name, properties } = event(n);
          keepset.track(name, properties);
          await turn();
        },
        // A question is answered behind all events before it.
        rest: () => keepset.ledger.budget(),
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

/** A store as a host in Node would hand it in: it lasts as long as the process and takes what is put behind. */
export function shelf() {
  let parts = [];
  return {
    get: async () => (parts.length > 0 ? Buffer.concat(parts) : undefined),
    set: async (_, next) => void (parts = [next]),
    delete: async () => void (parts = []),
    swap: async (_, expected, next) => {
      if ((parts.length > 0) !== (expected !== undefined) || (expected && Buffer.compare(Buffer.concat(parts), expected) !== 0)) return false;
      parts = [next];
      return true;
    },
    append: async (_, last, bytes) => {
      if (parts.length === 0 || Buffer.compare(parts.at(-1), last) !== 0) return false;
      parts.push(bytes);
      return true;
    },
  };
}

/** Both levels of the same work. */
export const both = (work) => [engine(work), client(work)];
