// A module's imports and exports under short names: wasm-bindgen's are long, many end in a hash, and a page loads each twice.

const IMPORTS = 2;
const EXPORTS = 7;
const FUNCTION = 0;
/** What a module imports from, which is its glue. */
const GLUE = /\.\/[\w-]+_bg\.js/;
const SHORT = "k";

/** Returns the module and its glue with every import and export renamed, the same in both. */
export function shorten(wasm, glue) {
  const module = new WebAssembly.Module(wasm);
  const short = (prefix, list) => new Map(list.map(({ name }, index) => [name, `${prefix}${index.toString(36)}`]));
  const imports = short("i", WebAssembly.Module.imports(module));
  const exports = short("x", WebAssembly.Module.exports(module));
  let text = replaced(glue, new RegExp(`"${GLUE.source}"`, "g"), `"${SHORT}"`, 1);
  for (const [name, to] of imports) text = replaced(text, new RegExp(`\\b${name}\\b`, "g"), to, 1);
  for (const [name, to] of exports) text = replaced(text, new RegExp(`\\bwasm\\.${name}\\b`, "g"), `wasm.${to}`, Infinity);
  return { wasm: renamed(wasm, new Map([[IMPORTS, (body) => importsOf(body, imports)], [EXPORTS, (body) => exportsOf(body, exports)]])), glue: text };
}

/** A name the glue does not hold, or holds more often than it can, would be a module that no longer fits its glue. */
function replaced(text, pattern, to, most) {
  const found = text.match(pattern)?.length ?? 0;
  if (found > most || (most === 1 && found !== 1)) throw new Error(`the glue: found ${pattern} ${found} times`);
  return text.replace(pattern, to);
}

/** Copies a module section by section, with other names in two of them. */
function renamed(wasm, sections) {
  const out = [wasm.subarray(0, 8)];
  for (let at = 8; at < wasm.length; ) {
    const [size, start] = number(wasm, at + 1);
    const body = wasm.subarray(start, start + size);
    const next = sections.get(wasm[at])?.(body) ?? body;
    out.push(Uint8Array.of(wasm[at]), leb(next.length), next);
    at = start + size;
  }
  return Buffer.concat(out);
}

function importsOf(body, short) {
  const [count, first] = number(body, 0);
  const out = [leb(count)];
  for (let n = 0, at = first; n < count; n += 1) {
    const [moduleLength, moduleAt] = number(body, at);
    const [name, end] = nameAt(body, moduleAt + moduleLength);
    if (body[end] !== FUNCTION) throw new Error("the module imports something other than functions");
    const [, next] = number(body, end + 1);
    const module = body.subarray(moduleAt, moduleAt + moduleLength).toString();
    out.push(named(module.replace(GLUE, SHORT)), named(short.get(name)), body.subarray(end, next));
    at = next;
  }
  return Buffer.concat(out);
}

function exportsOf(body, short) {
  const [count, first] = number(body, 0);
  const out = [leb(count)];
  for (let n = 0, at = first; n < count; n += 1) {
    const [name, end] = nameAt(body, at);
    // A byte for the kind, then a number.
    const [, next] = number(body, end + 1);
    out.push(named(short.get(name)), body.subarray(end, next));
    at = next;
  }
  return Buffer.concat(out);
}

function nameAt(bytes, at) {
  const [length, start] = number(bytes, at);
  return [Buffer.from(bytes.subarray(start, start + length)).toString(), start + length];
}

function named(name) {
  return Buffer.concat([leb(name.length), Buffer.from(name)]);
}

/** Reads a number as WebAssembly writes it, and where it ends. */
function number(bytes, at) {
  let value = 0;
  for (let factor = 1; ; factor *= 0x80, at += 1) {
    value += (bytes[at] & 0x7f) * factor;
    if (bytes[at] < 0x80) return [value, at + 1];
  }
}

function leb(value) {
  const bytes = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) + 0x80);
  return Uint8Array.of(...bytes, value);
}
