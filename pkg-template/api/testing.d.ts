import type { Outcome, Purpose, Report } from "./index.js";
import type { KeepsetError } from "./index.js";
import type { ClientEvents, Clock, Keepset, Options, StorageAdapter } from "./index.js";
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
/** Starts a client with the real engine, and resolves when it is ready and the choices are in effect. Rejects with the `KeepsetError` of a client that cannot start. */
export declare function createTestClient(options: TestOptions): Promise<TestClient>;
