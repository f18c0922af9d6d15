// Prints how many milliseconds pass from the import to the first score, in this process: `node first.mjs KIND DIST SCRATCH PACK`.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [kind, dist, scratch, pack] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(path).href);
const row = Array.from({ length: 8 }, (_, k) => (k + 1) / 16);

const kinds = {
  async keepset() {
    const { createClient } = await load(join(dist, "node.js"));
    const client = createClient({ pack: readFileSync(pack), storage: "memory" });
    client.consent.set({ segmentation: "granted" });
    for (const [k, value] of row.entries()) client.track(`x${k}`, { value });
    await client.ready;
    await client.ledger.budget();
    return client.getSnapshot().segments;
  },
  async m2cgen() {
    return (await load(join(scratch, "trees.js"))).score(row);
  },
  async onnx() {
    const ort = await load(join(scratch, "node_modules/onnxruntime-web/dist/ort.node.min.mjs"));
    ort.env.wasm.numThreads = 1;
    const session = await ort.InferenceSession.create(readFileSync(join(scratch, "trees.onnx")));
    return session.run({ [session.inputNames[0]]: new ort.Tensor("float32", Float32Array.from(row), [1, 8]) });
  },
};
const start = performance.now();
await kinds[kind]();
console.log(performance.now() - start);
process.exit(0);
