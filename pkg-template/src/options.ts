import type { Report } from "./dto.js";
import { systemClock } from "./host/clock.js";
import type { OwnStorage } from "./host/indexed.js";
import type { Route } from "./host/transport.js";
import { KeepsetError } from "./errors.js";
import type { Clock, Consent, Logger, Options, ReportTokens, Runtime, StorageAdapter, Transport, WasmSource } from "./types.js";

/** Options after every one of them was looked at. */
export interface Settings {
  name: string;
  pack: Options["pack"];
  collector: { url: (route: Route) => string; headers: Record<string, string>; transport: Transport | undefined; tokens: ReportTokens | undefined; relay: string | undefined } | undefined;
  storage: "auto" | "memory" | OwnStorage;
  wasm: WasmSource | Promise<WasmSource> | undefined;
  beforeSend: ((report: Report) => Report | null) | undefined;
  log: Logger | undefined;
  signal: AbortSignal | undefined;
  clock: Clock;
  runtime: Runtime | undefined;
  nowasm: Options["nowasm"] | undefined;
  /** Asked before anything leaves, as `consent.confirm` is. */
  confirm?: Consent["confirm"];
}

const KEYS = ["pack", "collector", "relay", "storage", "wasm", "beforeSend", "name", "debug", "signal", "clock", "runtime", "nowasm"];

/** The kinds of objects that are packs or hold one; a promise or a response is a mistake easily made. */
const PACK = /(Object|Array|URL|Buffer|View)]$/;

/** The profile's name when none is given. */
export const DEFAULT_NAME = "default";

/** Looks at every option. Throws the first mistake; whoever calls turns it into a failed client. */
export function settle(options: Options): Settings {
  const wrong = (path: string, rule: string): never => {
    throw new KeepsetError("invalid_options", `options.${path} ${rule}`);
  };
  if (!isObject(options)) throw new KeepsetError("invalid_options", "init() takes an object of options with at least `pack`");
  const stranger = Object.keys(options).find((key) => !KEYS.includes(key));
  if (stranger !== undefined) wrong(stranger, `is not an option; there are ${KEYS.join(", ")}`);
  const { pack, collector, relay, storage = "auto", wasm, beforeSend, name = DEFAULT_NAME, debug, signal, clock = systemClock, runtime, nowasm } = options;
  if (!(typeof pack === "string" ? pack : isObject(pack) && PACK.test(Object.prototype.toString.call(pack)))) wrong("pack", "must be a pack: its compiled bytes, its object, its JSON text or its URL");
  if (typeof name !== "string" || !/^[\w.-]{1,64}$/.test(name)) wrong("name", "must be 1 to 64 letters, digits, dots, dashes or underscores");
  if (!(storage === "auto" || storage === "memory" || isAdapter(storage))) wrong("storage", 'must be "auto", "memory" or an adapter with get, set and delete');
  callable("beforeSend", beforeSend, wrong);
  if (debug !== undefined && typeof debug !== "boolean" && typeof debug !== "function") wrong("debug", "must be true, false or a function");
  if (!isObject(clock) || typeof clock.now !== "function") wrong("clock", "must have a method now()");
  if (signal !== undefined && !(isObject(signal) && typeof signal.addEventListener === "function")) wrong("signal", "must be an AbortSignal");
  callable("nowasm", nowasm, wrong);
  if (runtime && !isObject(runtime)) wrong("runtime", "must be what inWorker() returns");
  return {
    name,
    pack,
    collector: (collector ?? relay) === undefined ? undefined : settleCollector(collector, relay, wrong),
    storage,
    wasm,
    beforeSend,
    log: debug === true ? toConsole : debug === false ? undefined : debug,
    signal,
    clock,
    runtime,
    nowasm,
  };
}

type Wrong = (path: string, rule: string) => never;

function callable(path: string, value: unknown, wrong: Wrong): void {
  if (value !== undefined && typeof value !== "function") wrong(path, "must be a function");
}

function settleCollector(given: Options["collector"], relay: Options["relay"], wrong: Wrong): Settings["collector"] {
  const options = typeof given === "string" || given instanceof URL ? { url: given } : given;
  if (!isObject(options) || options.url === undefined) return wrong("collector", "must be a URL or an object with `url`");
  const { headers = {}, transport, tokens } = options;
  if (!isObject(headers) || Object.values(headers).some((value) => typeof value !== "string")) wrong("collector.headers", "must be an object of texts");
  callable("collector.transport", transport, wrong);
  if (tokens !== undefined) callable("collector.tokens.pay", tokens?.pay ?? null, wrong);
  if (relay !== undefined && (options.headers ?? options.transport)) wrong("relay", "excludes collector.headers and collector.transport");
  const base = address(options.url, "collector", wrong);
  const root = base.pathname.replace(/\/+$/, "");
  const url = (route: Route): string => ((base.pathname = `${root}/v1/${route}`), base.href);
  return { url, headers, transport, tokens, relay: relay === undefined ? relay : address(relay, "relay", wrong).href };
}

function address(given: string | URL, path: string, wrong: Wrong): URL {
  let url: URL;
  try {
    url = new URL(given, (globalThis as { location?: { href?: string } }).location?.href);
  } catch {
    return wrong(path, "must be a URL");
  }
  if (!/^https?:$/.test(url.protocol)) wrong(path, "must begin with https: or http:");
  url.hash = "";
  return url;
}

const toConsole: Logger = (level, message, data) => console[level](`keepset: ${message}`, ...(data === undefined ? [] : [data]));

function isAdapter(value: unknown): value is StorageAdapter {
  return isObject(value) && ["get", "set", "delete"].every((method) => typeof (value as Record<string, unknown>)[method] === "function");
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
