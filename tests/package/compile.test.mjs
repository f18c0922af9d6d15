// `npx keepset new` and `compile`: the program that a site runs when it begins, and when it is built.
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { createClient, installed } from "./support/client.mjs";
import { ALL, shop } from "./support/packs.mjs";
import { serve } from "./support/server.mjs";

const program = join(installed.dist, "cli.js");
const USAGE = /^usage: keepset new \[-o PACK\.json\]\n[^]*\n {7}keepset compile PACK\.json \[--keys KEYS\]\.\.\. \[-o PACK\.keepset\]\n/;

/** A folder of its own with these files in it. */
function folder(files = {}) {
  const path = mkdtempSync(join(installed.folder, "site-"));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
  return path;
}

/** Runs the program in a folder. */
function keepset(cwd, ...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { cwd, encoding: "utf8" });
  return { status, stdout, stderr };
}

test("npx compiles a pack beside it, says its size and its hash, and a client starts from it", async () => {
  const home = folder({ "pack.json": JSON.stringify(shop()) });
  const { status, stdout, stderr } = spawnSync("npx", ["--offline", "keepset", "compile", "pack.json"], { cwd: home, encoding: "utf8" });
  assert.equal(status, 0, stderr);
  const bytes = readFileSync(join(home, "pack.keepset"));
  assert.equal(stdout, `pack.keepset: ${bytes.length} bytes, sha256 ${createHash("sha256").update(bytes).digest("hex")}\n`);
  assert.equal(bytes.subarray(0, 4).toString(), "KSPK");
  const client = createClient({ pack: bytes, storage: "memory" });
  await client.consent.set(ALL);
  client.track("purchase", { value: 1 });
  await client.ledger.list();
  assert.ok(client.has("buyer"));
  await client.destroy();
});

test("a first pack compiles as it is, knows where its schema lies, and is never put over another", () => {
  const home = folder();
  mkdirSync(join(home, "data"));
  assert.deepEqual(keepset(home, "new"), { status: 0, stdout: "pack.json: a first pack. Make it yours, then: npx keepset compile pack.json\n", stderr: "" });
  assert.equal(keepset(home, "new", "-o", "data/mine.json").status, 0);
  const [first, second] = ["pack.json", "data/mine.json"].map((name) => JSON.parse(readFileSync(join(home, name), "utf8")));
  assert.deepEqual([first.$schema, second.$schema], ["./node_modules/keepset/pack.schema.json", "../node_modules/keepset/pack.schema.json"]);
  assert.equal(JSON.parse(readFileSync(join(installed.package, "pack.schema.json"), "utf8")).$schema, "https://json-schema.org/draft/2020-12/schema");
  assert.equal(keepset(home, "compile", "pack.json").status, 0);
  writeFileSync(join(home, "pack.json"), "mine");
  assert.deepEqual(keepset(home, "new"), { status: 1, stdout: "", stderr: "pack.json could not be written: it is there already; name another with -o\n" });
  assert.equal(readFileSync(join(home, "pack.json"), "utf8"), "mine");
  assert.match(keepset(home, "new", "-o", "nowhere/pack.json").stderr, /^nowhere\/pack\.json could not be written: no such file or folder/);
});

test("the same pack gives the same bytes, wherever they are put", () => {
  const home = folder({ "pack.json": `\ufeff${JSON.stringify(shop())}`, "again.v2.json": JSON.stringify(shop(), null, 4) });
  mkdirSync(join(home, "out"));
  assert.equal(keepset(home, "compile", "pack.json", "-o", "out/a.bin").status, 0);
  assert.equal(keepset(home, "compile", "--output", "out/b", "pack.json").status, 0);
  assert.equal(keepset(home, "compile", "again.v2.json").status, 0);
  const [one, two, three] = ["out/a.bin", "out/b", "again.v2.keepset"].map((name) => readFileSync(join(home, name)));
  assert.deepEqual(one, two);
  assert.deepEqual(one, three);
});

test("without a pack to compile it says how it is used, and leaves nothing behind", () => {
  for (const args of [[], ["compile"], ["compose", "pack.json"], ["compile", "a.json", "b.json"], ["compile", "a.json", "-o"], ["compile", "a.json", "-o", ""], ["compile", "--fast", "a.json"], ["compile", "a.json", "--keys", ""], ["new", "a.json"], ["new", "-o", ""], ["new", "--keys", "a"]]) {
    const home = folder();
    const { status, stdout, stderr } = keepset(home, ...args);
    assert.deepEqual([status, stdout], [2, ""], args.join(" "));
    assert.match(stderr, USAGE);
    assert.deepEqual(readdirSync(home), []);
  }
  const asked = keepset(folder(), "--help");
  assert.deepEqual([asked.status, asked.stderr], [0, ""]);
  assert.match(asked.stdout, USAGE);
});

test("what cannot be compiled is said in one sentence that names the file, and nothing is written", () => {
  const bytes = (...list) => Buffer.from(list);
  const wrong = shop({ segments: [{ ...shop().segments[0], enter: { feature: "orders", op: "=>", value: 1 } }] });
  const files = { "pack.json": JSON.stringify(wrong), "empty.json": "", "text.json": "good morning", "list.json": "[]", "cut.json": JSON.stringify(shop()).slice(0, 99), "bytes.json": bytes(0xff, 0xfe, 0), "ready.json": bytes(0x4b, 0x53, 0x50, 0x4b, 0xff) };
  const said = {
    "pack.json": /^pack\.json: \$\.segments\[0\]\.enter\.op: "=>" is not known here; expected one of .+\n$/,
    "empty.json": /^empty\.json: \$: .+\n$/,
    "text.json": /^text\.json: \$: .+\n$/,
    "list.json": /^list\.json: \$: .+\n$/,
    "cut.json": /^cut\.json: \$: .+\n$/,
    "bytes.json": /^bytes\.json: this is no text\n$/,
    "ready.json": /^ready\.json: this pack is compiled already\n$/,
    "none.json": /^none\.json could not be read: no such file or folder\n$/,
    ".": /^\. could not be read: this is a folder\n$/,
  };
  const home = folder(files);
  for (const [name, sentence] of Object.entries(said)) {
    const { status, stdout, stderr } = keepset(home, "compile", name);
    assert.deepEqual([status, stdout], [1, ""], name);
    assert.match(stderr, sentence);
  }
  assert.deepEqual(readdirSync(home).sort(), Object.keys(files).sort());
});

test("what cannot be written is said, and the pack itself is never written over", () => {
  const home = folder({ "pack.json": JSON.stringify(shop()), "odd.keepset": JSON.stringify(shop()) });
  mkdirSync(join(home, "full.keepset"));
  for (const [args, sentence] of [
    [["pack.json", "-o", "nowhere/pack.keepset"], /^nowhere\/pack\.keepset could not be written: no such file or folder\n$/],
    [["pack.json", "-o", "full.keepset"], /^full\.keepset could not be written: this is a folder\n$/],
    [["pack.json", "-o", "./pack.json"], /^\.\/pack\.json: this is the pack itself; name another file with -o\n$/],
    [["odd.keepset"], /^odd\.keepset: this is the pack itself; name another file with -o\n$/],
  ]) {
    const { status, stdout, stderr } = keepset(home, "compile", ...args);
    assert.deepEqual([status, stdout], [1, ""], args.join(" "));
    assert.match(stderr, sentence);
  }
  for (const name of ["pack.json", "odd.keepset"]) assert.deepEqual(JSON.parse(readFileSync(join(home, name), "utf8")), shop());
});

test("the keys of a collector go into the pack from a file or from where it serves them, and their absence is said", async () => {
  const { collector: keys, ...keyless } = shop();
  const home = folder({ "pack.json": JSON.stringify(keyless), "whole.json": JSON.stringify(shop()), "keys.json": JSON.stringify(keys) });
  const front = await serve([], (_, response) => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(keys)));
  assert.equal(keepset(home, "compile", "whole.json").stderr, "");
  const expected = readFileSync(join(home, "whole.keepset"));
  assert.equal(keepset(home, "compile", "pack.json", "--keys", "keys.json").status, 0);
  assert.deepEqual(readFileSync(join(home, "pack.keepset")), expected);
  const run = promisify(execFile);
  await run(process.execPath, [program, "compile", "pack.json", "--keys", `${front.url}/v1/keys`, "-o", "served"], { cwd: home });
  assert.deepEqual(readFileSync(join(home, "served")), expected);
  front.close();
  // Those of a gateway come from the same place or from another.
  const gateway = [{ ...keys.keys[0], public_key: "0".repeat(63) + "9" }];
  const more = { "gateway.json": JSON.stringify({ gateway }), "both.json": JSON.stringify({ ...keys, gateway }) };
  for (const [name, text] of Object.entries(more)) writeFileSync(join(home, name), text);
  assert.equal(keepset(home, "compile", "pack.json", "--keys", "keys.json", "--keys", "gateway.json", "-o", "two").status, 0);
  assert.equal(keepset(home, "compile", "pack.json", "--keys", "both.json", "-o", "one").status, 0);
  assert.deepEqual(readFileSync(join(home, "two")), readFileSync(join(home, "one")));
  assert.notDeepEqual(readFileSync(join(home, "one")), expected);
  const twice = keepset(home, "compile", "pack.json", "--keys", "keys.json", "--keys", "both.json", "-o", "three");
  assert.deepEqual([twice.status, twice.stderr], [1, "keys.json and both.json: both name the collector's keys\n"]);
  const without = keepset(home, "compile", "pack.json");
  assert.deepEqual([without.status, without.stderr], [0, "pack.json: no device will report: the pack has a plan and no keys of a collector (--keys)\n"]);
});

test("keys that are none, or named twice, are refused in a sentence", () => {
  const { collector: keys, ...keyless } = shop();
  const bent = (change) => JSON.stringify({ keys: [{ ...keys.keys[0], ...change }] });
  const files = { "pack.json": JSON.stringify(keyless), "whole.json": JSON.stringify(shop()), "keys.json": JSON.stringify(keys), "private.json": bent({ private_key: "00" }), "short.json": bent({ public_key: "00" }), "none.json": '{"keys": []}', "text.json": "keys" };
  const home = folder(files);
  for (const [args, sentence] of [
    [["whole.json", "--keys", "keys.json"], /^whole\.json names keys of a collector already; .+\n$/],
    [["pack.json", "--keys", "private.json"], /^pack\.json with private\.json: \$\.collector\.keys\[0\]\.private_key: unknown key; .+\n$/],
    [["pack.json", "--keys", "short.json"], /\$\.collector\.keys\[0\]\.public_key: expected a public key: .+\n$/],
    [["pack.json", "--keys", "none.json"], /\$\.collector\.keys: expected 1 to 8 keys\n$/],
    [["pack.json", "--keys", "text.json"], /^text\.json: .+\n$/],
    [["pack.json", "--keys", "nowhere.json"], /^nowhere\.json could not be read: no such file or folder\n$/],
  ]) {
    const { status, stdout, stderr } = keepset(home, "compile", ...args);
    assert.deepEqual([status, stdout], [1, ""], args.join(" "));
    assert.match(stderr, sentence);
  }
  assert.deepEqual(readdirSync(home).sort(), Object.keys(files).sort());
});
