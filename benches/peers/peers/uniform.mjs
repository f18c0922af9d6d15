// @uniformdev/context: proprietary, so it is measured and nothing of it is kept here.
import { Context } from "@uniformdev/context";

/** Signals that count events by name, aggregates that add up signals, and a threshold on each aggregate. */
export function uniform({ signals, aggregates, thresholds, event, truth }) {
  return {
    name: "@uniformdev/context",
    peer: true,
    start() {
      globalThis.localStorage?.clear();
      const sig = signals.map((name, n) => [
        `s${n}`,
        { str: 1, cap: 1e9, dur: "p", crit: { type: "G", op: "&", clauses: [{ type: "EVT", event: { op: "=", rhs: name } }] } },
      ]);
      const agg = aggregates.map((inputs, n) => [`a${n}`, { inputs: inputs.map((input) => ({ dim: `s${input}`, sign: "+" })) }]);
      const context = new Context({
        manifest: { project: { pz: { sig: Object.fromEntries(sig), agg: Object.fromEntries(agg), enr: {} } } },
        defaultConsent: true,
      });
      let inside = [];
      return {
        waits: true,
        async step(n) {
          await context.update({ events: [{ event: event(n).name }] });
          const { scores } = context;
          inside = thresholds.flatMap((threshold, k) => (scores[`a${k}`] >= threshold ? [`a${k}`] : []));
        },
        answer: () => inside,
        truth,
        stop: () => context.forget(false),
      };
    },
  };
}
