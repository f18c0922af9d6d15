import { toBase64 } from "./bytes.js";
import type { Core } from "./core.js";
import type { EventInput, SegmentChange, Withheld } from "./dto.js";
import { KeepsetError } from "./errors.js";
import { read } from "./host/clock.js";
import { Timer } from "./host/timer.js";
import { zoneAround, zoneHolds } from "./host/zone.js";
import type { Vault } from "./host/vault.js";
import { Gone, type Notice, type Op, type Signed, type View } from "./ops.js";
import type { Settings } from "./options.js";
import { decode, encode, Seen } from "./record.js";
import { Sender } from "./sender.js";
import type { DeviceData, FlushResult } from "./types.js";

type Engine = InstanceType<typeof Core>;
type MakeEngine = (stored: Uint8Array | undefined, zone: Float64Array) => Engine;

/** What is due and could not be done is tried again after this while. */
const LOOK_AGAIN_MS = 60_000;

/**
 * Holds the engine of one profile: applies what tabs ask, stores, and hands reports to the sender in the one lawful
 * order: snapshot saved, storage confirms, engine told, only then upload.
 */
export class Keeper {
  #core: Engine;
  #zone: Float64Array;
  #closed = false;
  /** When what is due was last tried. */
  #looked = Number.NEGATIVE_INFINITY;
  /** Changes the storage has not confirmed yet, to be done again over another tab's newer record. */
  #unsaved: Signed[] = [];
  /** The calls the engine's state holds, those included that an earlier holder did and had no time to answer. */
  #seen: Seen;
  #running: Promise<void> = Promise.resolve();
  #queued: Promise<void> | undefined;
  readonly #alarm = new Timer(() => void this.#guard(() => this.#look()));
  readonly #sender: Sender;

  private constructor(
    private readonly settings: Settings,
    private readonly make: MakeEngine,
    private readonly vault: Vault,
    private readonly tell: (notice: Notice) => void,
    private readonly fail: (error: KeepsetError) => void,
    record: Uint8Array | undefined,
  ) {
    this.#zone = zoneAround(this.#now);
    const { core, seen } = start(make, record, this.#zone);
    this.#core = core;
    this.#seen = seen;
    this.#sender = new Sender(settings, {
      next: () => (this.#closed ? undefined : this.#core.nextUpload(this.#now)),
      pending: () => this.#core.pending(),
      done: async (id, outcome) => {
        if (this.#closed) return;
        this.#core.uploaded(id, outcome);
        await this.#save();
      },
      tell,
      ring: () => void this.#guard(() => this.#sender.flush()),
    });
  }

  /** Reads what is stored and starts the engine on it. */
  static async open(
    settings: Settings,
    core: typeof Core,
    pack: string,
    vault: Vault,
    tell: (notice: Notice) => void,
    fail: (error: KeepsetError) => void,
  ): Promise<Keeper> {
    const make: MakeEngine = (stored, zone) => {
      try {
        return new core(pack, stored, zone, read(settings.clock));
      } catch (error) {
        throw fromEngine(error, "pack_invalid");
      }
    };
    const keeper = new Keeper(settings, make, vault, tell, fail, await vault.load());
    keeper.#complainIfUnreadable();
    return keeper;
  }

  /** What a page can see now. */
  view(): View {
    return Object.freeze({
      segments: Object.freeze(this.#core.memberships().map((membership) => Object.freeze(membership))),
      consent: Object.freeze(this.#core.consent()),
      updatedAt: this.#now,
    });
  }

  /** Looks for what time alone has changed, makes the report that is due, and sets the next alarm. */
  wake(): Promise<void> {
    return this.#guard(() => this.#look());
  }

  /** Stops and continues sending. */
  hold(held: boolean): void {
    this.#sender.hold(held);
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

  /** Lets go of the engine at once. What was not durable is left to the next holder. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#alarm.clear();
    this.#sender.close();
    this.#core.free();
  }

  async #perform(call: Signed): Promise<unknown> {
    const { op } = call;
    const now = this.#now;
    switch (op.do) {
      case "track":
        if (this.#apply(call)) await this.#save();
        return undefined;
      case "consent":
        return this.#consent(call, op);
      case "explain":
        return this.#core.explain(op.segment, now) ?? null;
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
        return this.#export();
      case "reset":
        this.#sender.abort();
        this.#changed(this.#core.erase(now));
        this.#seen = new Seen();
        return this.#save();
      case "deleteAll":
        return this.#deleteAll();
    }
  }

  /** Does a change once, and says whether it was done now. */
  #apply(call: Signed): boolean {
    const { op, from, id } = call;
    if (this.#seen.has(from, id)) return false;
    try {
      if (op.do === "track") this.#track(op.event, op.debug);
      else if (op.do === "consent") this.#changed(this.#core.setConsent(op.change, this.#now));
    } catch (error) {
      throw fromEngine(error, "invalid_event", op.do === "track" ? `${op.event.name}: ` : "");
    }
    this.#seen.add(from, id);
    this.#unsaved.push(call);
    this.#setAlarm();
    return true;
  }

  #track({ name, properties, at, id }: EventInput, debug: boolean): void {
    const unknown = debug ? this.#core.intake().undeclaredEvents : 0;
    this.#changed(this.#core.track(name, properties, at, id, this.#now));
    if (debug && this.#core.intake().undeclaredEvents > unknown) this.tell({ is: "undeclared", name });
  }

  /** Withdrawal stops hand-outs first, then erases, then confirms. */
  async #consent(call: Signed, { change }: Op & { do: "consent" }): Promise<void> {
    if (Object.values(change).includes("denied")) this.#sender.abort();
    if (!this.#apply(call)) return;
    this.#publish([], []);
    if (change.segmentation === "denied") this.#seen = new Seen();
    if (change.storage === "denied") await this.#inTurn(() => this.#wipe());
    else await this.#save();
    await this.#look();
    if (!this.#closed) this.tell({ is: "consent", state: this.#core.consent() });
  }

  async #deleteAll(): Promise<void> {
    this.#sender.abort();
    await this.#inTurn(async () => {
      await this.#wipe();
      this.#publishing(() => this.#replace(undefined));
    });
    if (!this.#closed) this.tell({ is: "consent", state: this.#core.consent() });
  }

  #next(): { state: "queued" | Withheld; lookAgainAt?: number } {
    const again = this.#core.nextTick(this.#now);
    return { state: this.#prepare(), ...(again === undefined ? {} : { lookAgainAt: again }) };
  }

  async #flush(): Promise<FlushResult> {
    const state = await this.#look();
    if (this.#closed) throw new Gone();
    const result = await this.#sender.flush();
    if (this.#closed || result.sent > 0 || result.skipped !== undefined) return result;
    const queued = this.#core.pending() !== undefined;
    return { ...result, skipped: queued ? "not_durable" : state === "queued" ? "answered" : state };
  }

  #export(): DeviceData {
    const { vault, settings } = this;
    return {
      exportedAt: new Date(this.#now).toISOString(),
      name: settings.name,
      consent: this.#core.consent(),
      memberships: this.#core.memberships(),
      ledger: this.#core.ledger(),
      budget: this.#core.budget(this.#now) ?? null,
      waiting: this.#core.pending() ?? null,
      stored: vault.known ? toBase64(vault.known) : null,
    };
  }

  /** Ticks, makes the report that is due and stores it. */
  async #look(): Promise<"queued" | Withheld> {
    this.#travel();
    this.#changed(this.#core.tick(this.#now));
    const state = this.#prepare();
    this.#looked = this.#now;
    this.#setAlarm();
    await this.#save();
    return state;
  }

  /** Tells the engine the device's time zone when it is another than it was. */
  #travel(): void {
    if (zoneHolds(this.#zone, this.#now)) return;
    this.#zone = zoneAround(this.#now);
    this.#changed(this.#core.setZone(this.#zone, this.#now));
  }

  /** Without a collector nothing is drawn, so nothing is charged for nothing. */
  #prepare(): "queued" | Withheld {
    if (!this.settings.collector) return "no_collector";
    const state = this.#core.prepare(this.#now);
    if (state === "no_entropy") this.#error(new KeepsetError("no_entropy", "This device has no source of randomness, so no report can be made."));
    return this.#core.pending() ? "queued" : state;
  }

  #setAlarm(): void {
    const consented = this.#core.consent().segmentation === "granted";
    const at = consented ? this.#core.nextTick(this.#now) : undefined;
    if (at === undefined) return this.#alarm.clear();
    const now = this.#now;
    // What is due and was just looked at cannot be done now: no collector, no randomness. Not at once again.
    const rest = Math.min(Math.max(this.#looked + LOOK_AGAIN_MS - now, 0), LOOK_AGAIN_MS);
    this.#alarm.set(at > now ? at - now : rest);
  }

  /** Stores the latest state. Calls during a write share the next one. */
  #save(): Promise<void> {
    this.#queued ??= this.#inTurn(() => {
      this.#queued = undefined;
      return this.#write();
    });
    return this.#queued;
  }

  /** One write or deletion at a time. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#running.then(() => {
      if (this.#closed) throw new Gone();
      return work();
    });
    this.#running = turn.catch(() => undefined);
    return turn;
  }

  async #write(): Promise<void> {
    const covered = this.#unsaved.length;
    this.#core.rewrite();
    const saved = this.#core.save();
    if (!saved) {
      this.#unsaved.splice(0, covered);
      return;
    }
    const kept = await this.vault.write(encode(saved.bytes, this.#seen));
    if (this.#closed) throw new Gone();
    if (kept === "conflict") return this.#rebase();
    this.#unsaved.splice(0, covered);
    if (kept === "volatile") return;
    this.#core.stored(saved.revision);
    this.#sender.soon();
  }

  /** Another writer was first: start from its record and do this tab's unconfirmed changes again. */
  async #rebase(): Promise<void> {
    const record = await this.vault.load();
    if (this.#closed) throw new Gone();
    const again = this.#unsaved;
    this.#publishing(() => {
      this.#replace(record);
      this.#complainIfUnreadable();
      again.forEach((call) => this.#apply(call));
    });
    return this.#write();
  }

  async #wipe(): Promise<void> {
    for (let attempt = 1; !(await this.vault.wipe()) && attempt < 3; attempt += 1);
    if (this.#closed) throw new Gone();
    this.#unsaved = [];
  }

  #replace(record: Uint8Array | undefined): void {
    const { core, seen } = start(this.make, record, this.#zone);
    this.#core.free();
    this.#core = core;
    this.#seen = seen;
    this.#unsaved = [];
    this.#setAlarm();
  }

  #complainIfUnreadable(): void {
    if (this.#core.startedFrom !== "unreadable") return;
    this.#error(new KeepsetError("storage_corrupt", "The stored profile cannot be read: it starts empty, and its budget counts as spent."));
  }

  /** Tells which segments a change of everything entered and left. */
  #publishing(work: () => void): void {
    const ids = (): string[] => this.#core.memberships().map(({ id }) => id);
    const before = ids();
    work();
    const after = ids();
    this.#publish(after.filter((id) => !before.includes(id)), before.filter((id) => !after.includes(id)));
  }

  #changed(changes: readonly SegmentChange[]): void {
    if (changes.length === 0) return;
    const of = (kind: SegmentChange["kind"]): string[] => changes.filter((change) => change.kind === kind).map(({ segment }) => segment);
    this.#publish(of("entered"), of("left"));
  }

  #publish(entered: string[], left: string[]): void {
    this.tell({ is: "view", view: this.view(), entered, left });
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

  /**
   * What is thrown out of the engine other than a refusal, a trap or an exception of the page's own functions, leaves it
   * in no known state, so it is never entered again.
   */
  #crash(error: unknown): KeepsetError | Gone {
    if (error instanceof KeepsetError || error instanceof Gone) return error;
    this.#closed = true;
    this.#alarm.clear();
    this.#sender.close();
    return new KeepsetError("engine_crashed", "The engine stopped. Nothing more is computed or sent until the page is loaded again.", { cause: error });
  }

  get #now(): number {
    return read(this.settings.clock);
  }
}

function start(make: MakeEngine, record: Uint8Array | undefined, zone: Float64Array): { core: Engine; seen: Seen } {
  if (!record) return { core: make(undefined, zone), seen: new Seen() };
  const { snapshot, seen } = decode(record);
  return { core: make(snapshot, zone), seen };
}

/** Gives a refusal of the engine, which has a code, its place among ours; anything else stays what it is. */
function fromEngine(error: unknown, code: "pack_invalid" | "invalid_event", where = ""): unknown {
  const refusal = error instanceof Error && typeof (error as { code?: unknown }).code === "string";
  return refusal && !(error instanceof KeepsetError) ? new KeepsetError(code, where + error.message) : error;
}
