// One lane of the audit: loads the package's report.wasm with its own glue, gives it a random source of our choice, draws.
//
// `node --eval THIS PACKAGE`. A line of JSON in, a line of JSON and so many bytes out. Nothing is judged here.
"use strict";
const { hash } = require("node:crypto");
const { readFileSync, readSync, readdirSync, writeSync } = require("node:fs");
const { join } = require("node:path");
const { compileFunction } = require("node:vm");

const dist = join(process.argv[1], "dist");
const bytesOf = (file) => readFileSync(join(dist, file));
const SYSTEM = globalThis.crypto;

let compiled;
/** Starts the module anew, as a page does that has just loaded it; returns its one function. */
function start() {
  compiled ??= {
    wasm: new WebAssembly.Module(bytesOf("report.wasm")),
    glue: compileFunction(bytesOf("report.cjs").toString(), ["exports", "module", "require"]),
  };
  const module = { exports: {} };
  compiled.glue(module.exports, module, require);
  module.exports.initSync({ module: compiled.wasm });
  return module.exports.decide;
}

/** Bytes that whoever knows the seed can foretell: SHA-256 of "seed number 0", "seed number 1" and so on, end to end. */
function known(seed, number) {
  let block = 0;
  let rest = Buffer.alloc(0);
  return (bytes) => {
    for (let at = 0; at < bytes.length; ) {
      if (rest.length === 0) rest = hash("sha256", `${seed} ${number} ${block++}`, "buffer");
      const part = rest.subarray(0, bytes.length - at);
      bytes.set(part, at);
      at += part.length;
      rest = rest.subarray(part.length);
    }
  };
}

let pulled = 0;
const counted = (fill) => ({
  getRandomValues(bytes) {
    pulled += bytes.length;
    fill(bytes);
    return bytes;
  },
});

/** What a page may find in the place of `crypto`. */
const SOURCES = {
  system: () => counted((bytes) => SYSTEM.getRandomValues(bytes)),
  known: ({ seed }, number) => counted(known(seed, number)),
  zeros: () => counted((bytes) => bytes.fill(0)),
  constant: () => counted((bytes) => bytes.fill(0xa5)),
  untouched: () => counted(() => {}),
  repeating: () => counted((bytes) => known("repeating", 0)(bytes)),
  throws: () => counted(() => { throw new Error("no randomness"); }),
  missing: () => undefined,
  bare: () => ({}),
  // Sound for so many calls, then throws.
  ends({ after }) {
    let calls = 0;
    return counted((bytes) => {
      if (calls++ >= after) throw new Error("no more randomness");
      SYSTEM.getRandomValues(bytes);
    });
  },
};

const use = (source, number) =>
  Object.defineProperty(globalThis, "crypto", { configurable: true, value: SOURCES[source.kind](source, number) });

/** Draws `count` times from the same question; equal answers are told once, and the order by their numbers. */
function draw({ due, count, source, first = 0, fresh = false }) {
  const question = Buffer.from(due, "hex");
  const numbers = new Map();
  const entries = [];
  const order = new Uint32Array(count);
  const least = { instance: Infinity, draw: Infinity };
  const most = { draw: 0 };
  let decide;
  for (let n = 0; n < count; n += 1) {
    pulled = 0;
    if (fresh || !decide) {
      use(source, first + n);
      decide = start();
    }
    let entry;
    try {
      entry = Buffer.concat([Uint8Array.of(1), decide(question)]);
    } catch (error) {
      entry = Buffer.from(`\0${error?.name}: ${error?.message}`);
      // What was torn down in the middle is not to be used again.
      decide = undefined;
    }
    if (fresh || n === 0) least.instance = Math.min(least.instance, pulled);
    else {
      least.draw = Math.min(least.draw, pulled);
      most.draw = Math.max(most.draw, pulled);
    }
    const key = entry.latin1Slice();
    let number = numbers.get(key);
    if (number === undefined) {
      number = entries.length;
      numbers.set(key, number);
      entries.push(entry);
    }
    order[n] = number;
  }
  const table = entries.flatMap((entry) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(entry.length);
    return [length, entry];
  });
  const head = { entries: entries.length, pulled: { instance: told(least.instance), draw: told(least.draw), most: most.draw } };
  return [head, Buffer.concat([...table, new Uint8Array(order.buffer)])];
}

const told = (number) => (Number.isFinite(number) ? number : null);

/** Lets the package's client send to a collector that is down, again and again; returns every body. */
async function retry({ pack, day, days, attempts }) {
  use({ kind: "system" }, 0);
  const { createClient } = require(join(dist, "node.cjs"));
  let now = day;
  const bodies = [];
  const kept = new Map();
  const storage = { get: async (key) => kept.get(key), set: async (key, value) => void kept.set(key, value), delete: async (key) => void kept.delete(key) };
  const transport = async ({ body }) => (bodies.push(Buffer.from(body).toString("hex")), { outcome: "failed" });
  const client = createClient({ pack, clock: { now: () => now }, storage, collector: { url: "https://r.example", transport } });
  client.consent.set({ segmentation: "granted", storage: "granted", reporting: "granted" });
  await client.ready;
  now += days;
  for (let n = 0; n < attempts; n += 1) await client.flush();
  await client.destroy();
  return [{ bodies }, Buffer.alloc(0)];
}

/** Tells what the package holds: the hash of the module, and which files are not what the package says they are. */
function files() {
  const promised = JSON.parse(bytesOf("integrity.json"));
  const there = readdirSync(dist).filter((file) => /\.(js|cjs|wasm)$/.test(file));
  const wrong = Object.entries(promised).filter(([file, value]) => !there.includes(file) || value !== `sha384-${hash("sha384", bytesOf(file), "base64")}`);
  const unnamed = there.filter((file) => !(file in promised));
  const wasm = bytesOf("report.wasm");
  const copies = there.filter((file) => file.startsWith("report-inline"));
  const other = copies.filter((file) => !bytesOf(file).toString().includes(`"${wasm.toString("base64")}"`));
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(wasm));
  const strange = imports.filter(({ kind }) => kind !== "function").length;
  const { name, version } = JSON.parse(readFileSync(join(dist, "../package.json"), "utf8"));
  const head = { name, version, node: process.version, bytes: wasm.length, sha256: hash("sha256", wasm, "hex"), promised: there.length - unnamed.length, copies: copies.length, imports: imports.length, strange };
  return [{ ...head, wrong: [...wrong.map(([file]) => file), ...unnamed, ...other] }, Buffer.alloc(0)];
}

const COMMANDS = { draw, retry, files };

let input = "";
/** The next line; nothing at the end. */
function line() {
  const chunk = Buffer.alloc(65_536);
  for (;;) {
    const end = input.indexOf("\n");
    if (end >= 0) {
      const text = input.slice(0, end);
      input = input.slice(end + 1);
      return text;
    }
    const size = readSync(0, chunk);
    if (size === 0) return undefined;
    input += chunk.latin1Slice(0, size);
  }
}

function write(bytes) {
  for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
}

(async () => {
  for (let text = line(); text !== undefined; text = line()) {
    const { is, ...command } = JSON.parse(text);
    let answer;
    try {
      answer = await COMMANDS[is](command);
    } catch (error) {
      answer = [{ error: String(error?.message ?? error) }, Buffer.alloc(0)];
    }
    const [head, payload] = answer;
    write(Buffer.from(`${JSON.stringify({ ...head, payload: payload.length })}\n`));
    write(payload);
  }
})();
