// A server of the tests on a port of its own, and the list of what it was asked.
import { once } from "node:events";
import { createServer } from "node:http";

import { ending } from "./ending.mjs";

/** Starts one; `handle` answers, and notes in `requests` what it wants remembered. */
export async function serve(requests, handle) {
  const server = createServer(handle);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    requests,
    close: ending(() => {
      server.closeAllConnections();
      server.close();
    }),
  };
}
