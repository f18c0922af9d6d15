// `keepset/testing`: the real engine in a test, with a clock that is moved by hand, consent given and everything it tells kept.
import { createClient } from "keepset";

import { sameBytes } from "../bytes.js";
import type { Outcome, Purpose, Report } from "../dto.js";
import type { KeepsetError } from "../errors.js";
import { shelf } from "../host/shelf.js";
import { PURPOSES } from "../input.js";
import type { ClientEvents, Clock, Keepset, Options, StorageAdapter } from "../types.js";

/** What a test client is made of. Only `pack` is needed. */
export interface TestOptions extends Omit<Options, "clock" | "collector" | "relay" | "storage"> {
  /** When the test begins; 1 January 2026 when left out. */
  now?: Date | number;
  /** What the person has granted before the first event: every purpose when left out. */
  granted?: readonly Purpose[];
  /** What the collector answers to a report; `"accepted"` when left out. Nothing is sent anywhere. */
  collector?: (report: Report) => Outcome;
  /** Where the profile is kept; in the test client itself when left out. */
  storage?: StorageAdapter;
}

/** A clock that stands until it is moved. */
export interface TestClock extends Clock {
  /** Moves it, without waiting for what follows. */
  skip(ms: number): void;
}

/** A client and all that a test wants of it. */
export interface TestClient {
  /** The client; another one after `revisit`. */
  readonly client: Keepset;
  readonly clock: TestClock;
  /** The reports that left, as the device wrote them down, and what became of each. */
  readonly reports: readonly ClientEvents["report"][];
  /** What entered and left, step by step. */
  readonly changes: readonly ClientEvents["change"][];
  /** What went wrong. */
  readonly errors: readonly KeepsetError[];
  /** Resolves when everything the client was told has been looked at. */
  settle(): Promise<void>;
  /** Moves the clock, and resolves when what that makes due is done: segments are left, a report is made and sent. */
  advance(ms: number): Promise<void>;
  /** Ends the client and starts another on what is stored, as a person does who comes again. */
  revisit(): Promise<Keepset>;
  /** Ends the client. */
  end(): Promise<void>;
}

const BEGINNING = Date.UTC(2026, 0, 1);

/** Starts a client with the real engine, and resolves when it is ready and the choices are in effect. Rejects with the `KeepsetError` of a client that cannot start. */
export async function createTestClient(options: TestOptions): Promise<TestClient> {
  const { now = BEGINNING, granted = PURPOSES, collector = () => "accepted", storage = shelf(), ...rest } = options;
  const clock = handClock(Number(now));
  const reports: ClientEvents["report"][] = [];
  const changes: ClientEvents["change"][] = [];
  const errors: KeepsetError[] = [];
  const start = (): Keepset => {
    let client: Keepset;
    const transport = async ({ body }: { body: Uint8Array }): Promise<{ outcome: Outcome }> => {
      const report = (await client.ledger.list()).find(({ sealed }) => sameBytes(sealed, body));
      return { outcome: report ? collector(report) : "accepted" };
    };
    client = createClient({ ...rest, clock, storage, collector: { url: "https://collector.test", transport } });
    client.on("report", (event) => reports.push(event));
    client.on("change", (event) => changes.push(event));
    client.on("error", (event) => errors.push(event));
    return client;
  };
  let client = start();
  await client.ready;
  if (client.error) throw client.error;
  await client.consent.set(Object.fromEntries(granted.map((purpose) => [purpose, "granted"])));
  const settle = async (): Promise<void> => void (await client.ledger.list());
  return {
    get client() {
      return client;
    },
    clock,
    reports,
    changes,
    errors,
    settle,
    async advance(ms) {
      await settle();
      clock.skip(ms);
      await client.flush();
      await settle();
    },
    async revisit() {
      await client.destroy();
      client = start();
      return client.ready;
    },
    end: () => client.destroy(),
  };
}

/** A clock that is moved by hand. */
function handClock(now: number): TestClock {
  const listeners = new Set<() => void>();
  return {
    now: () => now,
    onJump(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    skip(ms) {
      now += ms;
      listeners.forEach((listener) => listener());
    },
  };
}
