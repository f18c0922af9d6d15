// S1 and S2: Keepset alone. What an event costs, and what it does not depend on.
import { both, engine } from "../keepset.mjs";
import { list, spread, START } from "../packs.mjs";
import { dice } from "../random.mjs";

/** An event a minute, the same thousand of them over and over: a list of a million would measure the memory it takes. */
function stream(names) {
  const draw = dice(53);
  const events = list(1_000, () => ({ name: `e${draw(names)}`, properties: { value: draw(1_000) } }));
  return { event: (n) => events[n % events.length], at: (n) => START + n * 60_000 };
}

const perEvent = (id, title, names) => ({
  id,
  title,
  rounds: 5,
  ready: () => undefined,
  warm: 300,
  samples: 1_000,
  notes: ["An event a minute, so days end in between; features of five kinds (count, sum, recency, decayed count, distinct days), a segment on each."],
  subjects: () => both({ pack: spread(100, names), ...stream(names) }),
});

export const all = perEvent("S1a", "100 features, 100 segments, the event concerns all of them", 1);
export const tenth = perEvent("S1b", "100 features, 100 segments, the event concerns one in ten", 10);

export const declared = {
  id: "S2a",
  title: "ten features and ten segments concerned, out of ever more declared",
  rounds: 5,
  ready: () => undefined,
  warm: 200,
  samples: 500,
  notes: ["Flat is the aim: the cost should follow what an event concerns, not what the pack declares."],
  subjects: () => [10, 100, 1_000].map((count) => engine({ pack: spread(count, count / 10), ...stream(count / 10), name: `${count.toLocaleString("en")} declared` })),
};

export const past = {
  id: "S2b",
  title: "the S1b pack after ever more events",
  rounds: 5,
  ready: () => undefined,
  warm: 100,
  samples: 500,
  once: true,
  only: "node",
  notes: ["Flat is the aim: no raw events are kept, so a million of them must not slow the next one."],
  subjects: () => [1_000, 10_000, 100_000, 1_000_000].map((count) => {
    const { event, at } = stream(10);
    const subject = engine({ pack: spread(100, 10), at, event, name: `after ${count.toLocaleString("en")} events` });
    return {
      ...subject,
      start(host) {
        const run = subject.start(host);
        for (let n = 0; n < count; n += 1) run.step(n);
        return { ...run, step: (n) => run.step(count + n) };
      },
    };
  }),
};
