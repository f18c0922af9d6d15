// What scores the same values: Keepset's engine, and peers that are handed the values of all features after each change.
import { list, pack, START } from "../peers/packs.mjs";

const at = (n) => START + n * 1_000;

/**
 * The pack of so many features, each the latest value that an event of its own brings, without a model. A segment looks at each, so that an
 * event costs here what it costs wherever somebody looks at its feature; all but the first are of nobody.
 */
export function features(width) {
  const names = list(width, (k) => `x${k}`);
  return pack({
    events: names.map((name) => [name, { value: { type: "number", min: 0, max: 1 } }]),
    features: names.map((name) => [name, { kind: "last", event: name, property: "value", title: "t" }]),
    segments: names.map((name, k) => [k === 0 ? "high" : `looks_${k}`, { feature: name, op: ">=", value: k === 0 ? 0.5 : 2 }]),
  });
}

/** That pack with a model, and a segment of those whose score is at least 0. */
export const scoring = (of, model) => ({ ...of, models: { m: model }, segments: [{ id: "high", title: "high", reason: "because of the benchmark", enter: { model: "m", op: ">=", value: 0 } }] });

/** A story of changes, one value each, round and round: the n-th one's feature and value, and the score that the library gives after it. */
export function story({ values, scores }, width) {
  const place = (n) => (n + values.length) % values.length;
  return {
    width,
    feature: (n) => n % width,
    value: (n) => values[place(n)],
    score: (n) => scores[place(n)],
    /** The values of all features before the first change. */
    start: () => list(width, (k) => values[values.length - width + k]),
  };
}

/** A change told to a page's profile as an event, and all that the engine does upon it. */
export function engine(name, { pack, story, truth }, { Profile, compile }) {
  const events = list(4_000, (n) => [`x${story.feature(n)}`, { value: story.value(n) }]);
  return {
    name,
    start() {
      const core = new Profile(compile(JSON.stringify(pack)), undefined, Float64Array.of(0, 0), at(0));
      core.setConsent({ segmentation: "granted" }, 0, at(0));
      story.start().forEach((value, k) => core.track(`x${k}`, { value }, at(0), undefined, at(0)));
      let told = 0;
      return {
        step(n) {
          told += 1;
          const [name, properties] = events[n % events.length];
          core.track(name, properties, at(told), undefined, at(told));
        },
        answer: () => core.segments().map(({ id }) => id),
        truth,
        stop: () => core.free(),
      };
    },
  };
}

/** A function of the values of all features. */
export function scorer(name, story, score, high = (found) => found >= 0, truth = (n) => told(story.score(n) >= 0)) {
  const start = () => {
    const row = Float64Array.from(story.start());
    const plain = Array.from(row);
    let found = 0;
    return {
      step(n) {
        plain[story.feature(n)] = story.value(n);
        found = score(plain);
      },
      answer: () => told(high(found)),
      truth,
    };
  };
  return { name, start };
}

/** A session of ONNX Runtime Web: it answers with a promise. */
export function onnx(name, story, { session, Tensor }) {
  return {
    name,
    start() {
      const row = Float32Array.from(story.start());
      const [input] = session.inputNames;
      const [label] = session.outputNames;
      let found = 0;
      return {
        waits: true,
        async step(n) {
          row[story.feature(n)] = story.value(n);
          const out = await session.run({ [input]: new Tensor("float32", row, [1, story.width]) }, [label]);
          found = Number(out[label].data[0]);
        },
        answer: () => told(found === 1),
        truth: (n) => told(story.score(n) >= 0),
      };
    },
  };
}

export const told = (high) => (high ? ["high"] : []);
