import { deviceData } from "./device-data.js";
import type { ConsentState, SegmentChange, Withheld } from "./dto.js";
import { crashed, type ErrorCode, fromEngine, KeepsetError } from "./errors.js";
import { read } from "./host/clock.js";
import { Timer } from "./host/timer.js";
import { placeAt, zoneAround } from "./host/zone.js";
import type { Vault } from "./host/vault.js";
import { type Kit, LOOK_AGAIN_MS, type Report, type Study } from "./kit.js";
import { Gone, type Notice, type Op, type Signed, type Steps, type View } from "./ops.js";
import type { Settings } from "./options.js";
import { Outgoing } from "./outgoing.js";
import type { Profile } from "./profile.js";
import { decode, encode, Seen } from "./record.js";
import { Saver } from "./saver.js";
import type { FlushResult } from "./types.js";

const NOTHING_TO_STORE = Promise.resolve();

/**
 * Holds the engine of one profile: applies what tabs ask, stores, and hands reports to the sender in the one lawful
 * order: snapshot saved, storage confirms, engine told, only then upload.
 */
export class Keeper {
  #core: Profile;
  #zone: Float64Array;
  #place: string;
  #closed = false;
  /** What the alarm is set for. */
  #rings = 0;
  /** When what is due was last tried. */
  #looked = -Infinity;
  /** Changes the storage has not confirmed yet, to be done again over another tab's newer record. */
  #unsaved: Signed[] = [];
  /** The calls the engine's state holds, those included that an earlier holder did and had no time to answer. */
  #seen: Seen;
  readonly #saver = new Saver(
    () =>
      this.#write().catch((error: unknown) => {
        throw this.#crash(error);
      }),
    (work) => void this.#guard(work),
  );
  #consented: ConsentState;
  #opening: Steps = [];
  readonly #alarm = new Timer(() => void this.#guard(() => this.#look()));
  readonly #outgoing: Outgoing;

  private constructor(
    private readonly settings: Settings,
    private readonly kit: Kit,
    private readonly vault: Vault,
    private readonly tell: (notice: Notice) => void,
    private readonly fail: (error: KeepsetError) => void,
    record: Uint8Array | undefined,
  ) {
    this.#zone = zoneAround(this.#now);
    this.#place = placeAt(this.#now);
    ({ core: this.#core, seen: this.#seen } = this.#start(record));
    this.#consented = Object.freeze(this.#core.consent());
    kit.instances.inside.add(this.#leave);
    // Undefined until here: the engine may stop at its start.
    this.#outgoing = new Outgoing({
      settings,
      tell,
      pack: kit.pack,
      next: () => (this.#closed ? undefined : this.#core.nextUpload(this.#now)),
      pending: () => this.#core.pending(),
      done: async (number, outcome) => {
        if (this.#closed) return;
        this.#core.sent(number, outcome);
        await this.#saver.save();
      },
      ring: () => void this.#guard(() => this.#outgoing.flush()),
      report: () => this.#report(),
      guard: (work) => this.#guard(work),
    });
  }

  /** Starts the engine on what is stored. */
  static async open(
    settings: Settings,
    kit: Kit,
    vault: Vault,
    tell: (notice: Notice) => void,
    fail: (error: KeepsetError) => void,
    record: Uint8Array | undefined,
  ): Promise<Keeper> {
    const keeper = new Keeper(settings, kit, vault, tell, fail, record);
    keeper.#complainIfUnreadable();
    await keeper.#catchUp().catch((error: unknown) => Promise.reject(keeper.#crash(error)));
    return keeper;
  }

  /** Lets the time pass since the profile was last open, before anything is answered: what has outlived its time is gone, here and on disk. */
  async #catchUp(): Promise<void> {
    const had = this.#core.intake().accepted;
    this.#opening = this.#steps([this.#core.tick(this.#now)]);
    if (had > 0 && this.#core.intake().accepted === 0) await this.#saver.save();
  }

  /** What the passing of time had changed when the engine was opened. */
  get opening(): Steps {
    return this.#opening;
  }

  /** What a page can see now. */
  view(): View {
    return Object.freeze({ segments: this.#core.segments(), consent: this.#consented, updatedAt: this.#now });
  }

  /** Looks for what time alone has changed, makes the report that is due, and sets the next alarm. */
  wake(): Promise<void> {
    return this.#guard(() => this.#look());
  }

  /** Stops and continues sending. */
  hold(held: boolean): void {
    this.#outgoing.hold(held);
  }

  /** Takes in events; resolves when they are durable. It is the same promise for all that are stored together. */
  track(call: Signed): Promise<unknown> {
    if (this.#closed) return Promise.reject(new Gone());
    try {
      return this.#apply(call) ? this.#saveSoon() : NOTHING_TO_STORE;
    } catch (error) {
      return Promise.reject(this.#crash(error));
    }
  }

  /** Does what a tab asks; resolves when it is done and, where it changed something, durable. */
  async do(call: Signed): Promise<unknown> {
    if (this.#closed) throw new Gone();
    try {
      return await this.#perform(call);
    } catch (error) {
      throw this.#crash(error);
    }
  }

  /** Does what still waits, and begins to store it within this call: the page may be gone a moment later. */
  leave(rest: () => void): void {
    if (this.#closed) return;
    this.#saver.leave(rest);
    if (this.#unsaved.length > 0) void this.#saver.save(true).catch(() => undefined);
  }

  /** Waits no longer for more events before saving. */
  async settle(): Promise<void> {
    if (!this.#closed) await this.#saver.settle();
  }

  /** Lets go of the engine at once. What was not durable is left to the next holder. */
  close(): void {
    if (this.#closed) return;
    this.#stop();
    this.#core.free();
  }

  async #perform(call: Signed): Promise<unknown> {
    const { op } = call;
    const now = this.#now;
    switch (op.do) {
      case "track":
        return this.track(call);
      case "consent":
        return this.#consent(call, op);
      case "explain":
        return this.#study("wasm_load_failed", ({ explain }, ...twin) => explain(...twin, op.segment, now) ?? null);
      case "simulate":
        return this.#study("invalid_event", ({ simulate }, ...twin) => simulate(...twin, op.events, now));
      case "features":
        return this.#core.features(now);
      case "pack":
        return this.kit.pack;
      case "ledger":
        return this.#core.ledger();
      case "budget":
        return this.#core.budget(now) ?? null;
      case "next":
        return this.#next();
      case "preview":
        await this.#look();
        return this.#closed ? null : (this.#core.pending() ?? null);
      case "flush":
        return this.#flush();
      case "export":
        return deviceData(this.settings.name, this.#core, this.#consented, this.vault.known, now);
      case "stats":
        return null;
      case "reset":
        this.#outgoing.abort();
        this.#changed(this.#core.erase(now));
        this.#seen = new Seen();
        return this.#saver.save();
      case "deleteAll":
        return this.#deleteAll();
    }
  }

  /** Does a change once, and says whether there is anything to store. */
  #apply(call: Signed, again = false): boolean {
    const { op, from, id } = call;
    if (this.#seen.has(from, id)) return false;
    if (op.do === "track") {
      // Without consent the engine looks at no event, and nothing is to be kept.
      if (!this.#granted) return false;
      this.#track(op, again ? undefined : from);
    } else if (op.do === "consent") {
      this.#changed(this.#core.setConsent(op.change, op.signal, this.#now));
      this.#consented = Object.freeze(this.#core.consent());
    }
    this.#seen.add(from, id);
    this.#unsaved.push(call);
    this.#setAlarm();
    return true;
  }

  /** Takes in events, and tells the tab they come from what is wrong with them; nothing when it was told before. */
  #track({ events, debug }: Op & { do: "track" }, to: string | undefined): void {
    const now = this.#now;
    const told: Float64Array[] = [];
    let unknown = debug ? this.#core.intake().undeclaredEvents : 0;
    for (const { name, properties, at, id } of events) {
      try {
        told.push(this.#core.track(name, properties, at, id, now));
      } catch (error) {
        const refused = fromEngine(error, "invalid_event", `${name}: `);
        if (!(refused instanceof KeepsetError)) throw refused;
        if (to) this.tell({ is: "error", code: refused.code, message: refused.message, to });
      }
      if (!debug || !to) continue;
      const { undeclaredEvents } = this.#core.intake();
      if (undeclaredEvents > unknown) this.tell({ is: "undeclared", name, to });
      unknown = undeclaredEvents;
    }
    this.#changed(...told);
  }

  /** Asks the study part about the engine as it stands at this moment. `code` is what a refusal of it means. */
  async #study<T>(code: ErrorCode, ask: (study: Study, pack: Uint8Array, state: Uint8Array, zone: Float64Array) => T): Promise<T> {
    const { pack, openStudy } = this.kit;
    const state = this.#core.copy();
    const zone = this.#zone;
    const study = await openStudy();
    if (this.#closed) throw new Gone();
    try {
      return ask(study, pack, state, zone);
    } catch (error) {
      throw fromEngine(error, code);
    }
  }

  get #granted(): boolean {
    return this.#consented.segmentation === "granted";
  }

  /** Withdrawal stops hand-outs first, then erases, then confirms. */
  async #consent(call: Signed, { change }: Op & { do: "consent" }): Promise<void> {
    if (Object.values(change).includes("denied")) this.#outgoing.abort();
    if (!this.#apply(call)) return;
    this.#publish([]);
    if (change.segmentation === "denied") this.#seen = new Seen();
    if (change.storage === "denied") await this.#saver.inTurn(() => this.#wipe());
    else await this.#saver.save();
    if (this.#closed) return;
    this.tell({ is: "consent", state: this.#consented });
    // Waited for by no one: what draws the noise may have to be loaded first.
    void this.wake();
  }

  async #deleteAll(): Promise<void> {
    this.#outgoing.abort();
    await this.#saver.inTurn(async () => {
      await this.#wipe();
      this.#core.setConsent({ storage: "denied" }, 0, this.#now);
    });
    // What was shared is taken back, behind what was still under way, and then nothing is known of it any more.
    await this.#prepare();
    await this.#outgoing.flush();
    await this.#outgoing.flush();
    await this.#saver.inTurn(async () => {
      this.#replace(undefined);
      this.#publish([]);
    });
    if (!this.#closed) this.tell({ is: "consent", state: this.#consented });
  }

  async #next(): Promise<{ state: "queued" | Withheld; lookAgainAt?: number }> {
    const again = this.#core.nextTick(this.#now);
    return { state: await this.#prepare(), ...(again === undefined ? {} : { lookAgainAt: again }) };
  }

  async #flush(): Promise<FlushResult> {
    const state = await this.#look();
    if (this.#closed) throw new Gone();
    const result = await this.#outgoing.flush();
    if (this.#closed || result.sent > 0 || result.skipped !== undefined) return result;
    const queued = this.#core.pending() !== undefined;
    return { ...result, skipped: queued ? "not_durable" : state === "queued" ? "answered" : state };
  }

  /** Ticks, makes the report that is due and stores it. */
  async #look(): Promise<"queued" | Withheld> {
    this.#rings = 0;
    this.#travel();
    this.#changed(this.#core.tick(this.#now));
    const state = await this.#prepare();
    this.#looked = this.#now;
    this.#setAlarm();
    await this.#saver.save();
    return state;
  }

  /** Tells the engine the device's time zone when it is another than it was. */
  #travel(): void {
    const place = placeAt(this.#now);
    if (place === this.#place) return;
    this.#place = place;
    this.#zone = zoneAround(this.#now);
    this.#changed(this.#core.setZone(this.#zone, this.#now));
  }

  /** Without a collector, or a key for the relay to it, nothing is drawn, so nothing is charged for nothing. */
  async #prepare(): Promise<"queued" | Withheld> {
    const { collector } = this.settings;
    if (!collector) return "no_collector";
    const wanted = typeof this.#core.due(this.#now) !== "string" || this.#core.labels(this.#now);
    const report = wanted ? await this.#report() : undefined;
    if (collector.relay && report?.hasGateway(this.kit.pack, this.#now) === false) return this.#lacks("no_key");
    // Asked again: what is decided on is of this turn, or the engine may have gone on in between.
    const due = this.#core.due(this.#now);
    const state = this.#lacks(typeof due === "string" ? due : report ? this.#core.settle(report.decide(due)) : "not_loaded");
    const kept = report && this.#core.labels(this.#now);
    if (kept) this.#lacks(report.shareLabels(this.#core, this.kit.pack, kept, this.#now));
    return this.#core.pending() ? "queued" : state;
  }

  /** Tells what is missing for anything to leave. */
  #lacks<State extends "queued" | Withheld>(state: State): State {
    if (state === "no_key" || state === "no_entropy") this.#error(new KeepsetError(state, `Nothing can leave: ${state === "no_key" ? "the pack names no key that is in use now" : "this device has no source of randomness"}.`));
    return state;
  }

  /** Loads the report part; without it there is no report, and it is tried again with the next look. */
  async #report(): Promise<Report | undefined> {
    let report: Report | undefined;
    try {
      report = await this.kit.openReport();
    } catch (error) {
      if (!this.#closed) this.#error(error as KeepsetError);
    }
    if (this.#closed) throw new Gone();
    return report;
  }

  #setAlarm(): void {
    const now = this.#now;
    const at = this.#granted ? this.#core.nextTick(now) : undefined;
    if (at === undefined) {
      this.#rings = 0;
      return this.#alarm.clear();
    }
    // The same alarm is not set anew for every event.
    if (at > now && at === this.#rings) return;
    this.#rings = at;
    // What is due and was just looked at cannot be done now: no collector, no randomness. Not at once again.
    const rest = Math.min(Math.max(this.#looked + LOOK_AGAIN_MS - now, 0), LOOK_AGAIN_MS);
    this.#alarm.set(at > now ? at - now : rest);
  }

  /** Stores what an event changed, together with what else comes soon. */
  #saveSoon(): Promise<void> {
    if (this.vault.usable) return this.#saver.soon();
    this.#unsaved = [];
    return NOTHING_TO_STORE;
  }

  async #write(): Promise<void> {
    const covered = this.#unsaved.length;
    const saved = this.vault.usable ? this.#core.save() : undefined;
    if (!saved) {
      this.#unsaved.splice(0, covered);
      return this.#outgoing.soon();
    }
    const { appends, bytes, revision } = saved;
    const kept = await this.vault.write(encode(bytes, this.#seen.take(!appends)), appends);
    if (this.#closed) throw new Gone();
    if (kept === "conflict") return this.#rebase();
    this.#unsaved.splice(0, covered);
    // Nothing is known of what a failed write has left there.
    if (kept === "volatile") return this.#core.rewrite();
    this.#core.stored(revision);
    this.#outgoing.soon();
  }

  /** Another writer was first: start from its record and do this tab's unconfirmed changes again. */
  async #rebase(): Promise<void> {
    const record = await this.vault.load();
    if (this.#closed) throw new Gone();
    const again = this.#unsaved;
    this.#replace(record);
    this.#complainIfUnreadable();
    again.forEach((call) => this.#apply(call, true));
    this.#publish([]);
    return this.#write();
  }

  async #wipe(): Promise<void> {
    for (let attempt = 1; !(await this.vault.wipe()) && attempt < 3; attempt += 1);
    if (this.#closed) throw new Gone();
    this.#unsaved = [];
  }

  #replace(record: Uint8Array | undefined): void {
    const { core, seen } = this.#start(record);
    this.#core.free();
    this.#core = core;
    this.#seen = seen;
    this.#consented = Object.freeze(core.consent());
    this.#unsaved = [];
    this.#setAlarm();
  }

  #start(record: Uint8Array | undefined): { core: Profile; seen: Seen } {
    const { snapshot, seen, last } = record ? decode(record) : { snapshot: undefined, seen: new Seen(), last: undefined };
    try {
      const core = new this.kit.Profile(this.kit.pack, snapshot, this.#zone, this.#now);
      // Nothing may be put behind a piece cut short.
      if (record && !last) core.rewrite();
      return { core, seen };
    } catch (error) {
      throw this.#crash(fromEngine(error, "pack_invalid"));
    }
  }

  #complainIfUnreadable(): void {
    if (!this.#core.unreadable) return;
    this.#error(new KeepsetError("storage_corrupt", "The stored profile cannot be read: it starts empty, and its budget counts as spent."));
  }

  #changed(...told: Float64Array[]): void {
    const steps = this.#steps(told);
    if (typeof steps === "function") this.#publish(steps);
  }

  /** What was told, if anything changed. */
  #steps(told: Float64Array[]): Steps {
    const core = this.#core;
    let steps: readonly SegmentChange[] | undefined;
    // Made when they are read, for mostly no one does.
    return told.some(({ length }) => length > 0) ? () => (steps ??= core.changes(told)) : [];
  }

  #publish(steps: Steps): void {
    this.tell({ is: "view", view: this.view(), steps });
  }

  #error(error: KeepsetError): void {
    this.tell({ is: "error", code: error.code, message: error.message, cause: error.cause });
  }

  /** Runs what no one waits for. */
  async #guard(work: () => Promise<unknown>): Promise<void> {
    if (this.#closed) return;
    try {
      await work();
    } catch (error) {
      const known = this.#crash(error);
      if (known instanceof Gone) return;
      if (known.code === "engine_crashed") this.fail(known);
      else this.#error(known);
    }
  }

  /** What is no refusal leaves the engine's instances in no known state, so they are never entered again. */
  #crash(error: unknown): KeepsetError | Gone {
    if (error instanceof KeepsetError || error instanceof Gone) return error;
    this.#stop();
    this.kit.instances.break(error);
    return crashed(error);
  }

  /** Another engine has stopped in the same instances. */
  readonly #leave = (error: unknown): void => this.fail(this.#crash(error) as KeepsetError);

  /** Neither rings nor writes nor sends any more. */
  #stop(): void {
    this.#closed = true;
    this.kit.instances.inside.delete(this.#leave);
    this.#alarm.clear();
    this.#saver.close();
    this.#outgoing?.close();
    this.vault.letGo();
  }

  get #now(): number {
    return read(this.settings.clock);
  }
}
