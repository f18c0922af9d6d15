// What a bug report holds: how far the client is and what went wrong, in codes; nothing of what a person did or is.
import type { Keepset } from "../types.js";
import { version } from "../version.js";

/** Writes the report. `errors` is how often each code was heard. */
export async function bugReport(client: Keepset, errors: ReadonlyMap<string, number>): Promise<string> {
  const [next, { intake, stored }] = await Promise.all([client.ledger.next(), client.exportData()]);
  const report = {
    keepset: version,
    status: client.status,
    error: client.error?.code ?? null,
    errors: Object.fromEntries(errors),
    consent: client.consent.get(),
    report: next.state,
    stored: stored !== null,
    // Which of them happened at all: how often would say something of the person.
    intake: Object.entries(intake ?? {}).flatMap(([name, count]) => (count > 0 ? [name] : [])),
    wasm: typeof WebAssembly,
    locks: typeof navigator.locks,
    secure: isSecureContext,
  };
  return JSON.stringify(report, null, 2);
}
