import { endedBy, type Unsubscribe } from "../emitter.js";
import { followed } from "../followed.js";
import type { Keepset } from "../types.js";
import { outboundClick, rageClick } from "./clicks.js";
import { copy, searchRefinement } from "./content.js";
import { deadClick } from "./dead.js";
import { form } from "./form.js";
import type { CaptureOptions } from "./index.js";
import { backAndForth, dwell, pageView, scrollDepth } from "./reading.js";
import { thrash } from "./thrash.js";
import { scriptError } from "./trouble.js";
import { type Told, type Track, type Watch, watchOf } from "./watch.js";

const KINDS = {
  pageView,
  scrollDepth,
  dwell,
  outboundClick,
  form,
  rageClick,
  deadClick,
  thrash,
  scriptError,
  backAndForth,
  copy,
  searchRefinement,
} as const;
type Kind = keyof typeof KINDS;

/** A kind someone asked for. */
interface Held {
  readonly options: object;
  holders: number;
  running?: AbortController | undefined;
}

/** One client's capturing: runs some kinds until the returned function is called. */
type Session = (asked: [Kind, object][]) => Unsubscribe;

function sessionOf(client: Keepset): Session {
  const kinds = new Map<Kind, Held>();
  /** The path whose view was told, so that a component that mounts twice tells it once. */
  const told: Told = {};
  let following: Unsubscribe | undefined;

  const start = (kind: Kind, held: Held): void => {
    // Held at once: what a kind tells while it starts may move a segment, and whoever hears of that looks again.
    const running = (held.running = new AbortController());
    const { signal } = running;
    const track: Track = (event, facts) => {
      // A refusal counts from the moment it is made, before anyone is called back.
      if (!signal.aborted && mayRun(client)) (client as unknown as { track: Track }).track(event, facts);
    };
    try {
      (KINDS[kind] as (watch: Watch, options: object) => void)(watchOf(track, signal, told), held.options);
    } catch (error) {
      // A selector or a list that is none: this kind is off, the page and the other kinds go on.
      running.abort();
      console.error(`keepset/capture: ${kind} is off:`, error);
    }
  };

  /** Starts and stops what is asked for, as the client and the person's choice allow. */
  const look = (): void => {
    const may = mayRun(client);
    // Nothing was taken in: once the person agrees, the page they are on counts.
    if (!may) delete told.path;
    kinds.forEach((held, kind) => {
      if (!may) {
        held.running?.abort();
        held.running = undefined;
      } else if (!held.running) start(kind, held);
    });
  };

  return (asked) => {
    for (const [kind, options] of asked) {
      const held = kinds.get(kind) ?? { options, holders: 0 };
      held.holders += 1;
      kinds.set(kind, held);
    }
    if (!following) {
      following = followed(client, look);
      document.addEventListener("prerenderingchange", look, { once: true });
    }
    look();
    return () => {
      // Emptied, so that calling it again does nothing.
      for (const [kind] of asked.splice(0)) {
        const held = kinds.get(kind);
        if (!held || --held.holders > 0) continue;
        kinds.delete(kind);
        held.running?.abort();
      }
      if (kinds.size > 0) return;
      following?.();
      following = undefined;
    };
  };
}

/** Not before the person's choice is known, and not on a page that is only rendered ahead. */
function mayRun({ status, consent }: Keepset): boolean {
  return status === "ready" && consent.get().segmentation === "granted" && !(document as { prerendering?: boolean }).prerendering;
}

const sessions = new WeakMap<Keepset, Session>();

/** Captures what some options ask for, for a client, until the returned function or the signal ends it. */
export function hold(client: Keepset, options: CaptureOptions): Unsubscribe {
  const asked: [Kind, object][] = [];
  // `Object(true)` is an object without options.
  for (const kind of Object.keys(KINDS) as Kind[]) if (options[kind]) asked.push([kind, Object(options[kind])]);
  let session = sessions.get(client);
  if (!session) sessions.set(client, (session = sessionOf(client)));
  return endedBy(options.signal, session(asked));
}
