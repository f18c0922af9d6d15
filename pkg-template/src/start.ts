import { Client } from "./client.js";
import type { OpenEngine } from "./engine.js";
import { DEFAULT_NAME } from "./options.js";
import { hasWebAssembly } from "./support.js";
import type { Keepset, Options } from "./types.js";

/** The functions of the package, made for one place it can run in. */
export interface Api {
  init(options: Options): Keepset;
  createClient(options: Options): Keepset;
  isSupported(): boolean;
}

/** Makes the package's functions. Touches nothing until one of them is called. */
export function api(open: OpenEngine | undefined): Api {
  const clients = new Map<string, Keepset>();
  const create = (options: Options): Client =>
    new Client(options, open, (client) => {
      if (clients.get(client.name) === (client as unknown)) clients.delete(client.name);
    });
  return {
    init(options) {
      const name = nameOf(options);
      const known = clients.get(name);
      if (known) return known;
      const client = create(options) as unknown as Keepset;
      // A client that failed to read its options is not kept: the next, right call must not get it.
      if (client.error?.code !== "invalid_options") clients.set(name, client);
      return client;
    },
    createClient: (options) => create(options) as unknown as Keepset,
    isSupported: () => open !== undefined && (open.nowasm !== undefined || hasWebAssembly()),
  };
}

function nameOf(options: unknown): string {
  try {
    const name = (options as { name?: unknown } | undefined)?.name;
    return typeof name === "string" ? name : DEFAULT_NAME;
  } catch {
    return DEFAULT_NAME;
  }
}
