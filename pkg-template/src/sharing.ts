// Decides on labels, with the part of the package that makes them: it is loaded when there is something to share or to take back.
import { wantsPrivacy } from "./host/privacy.js";
import type { Withheld } from "./dto.js";
import type { Profile } from "./profile.js";
import { share } from "./report.js";

/** Takes back what is no longer agreed to, or shares what is due; the engine keeps what was decided, and says it. */
export function shareLabels(core: Profile, pack: Uint8Array, kept: Uint8Array, now: number): "queued" | Withheld {
  const { segmentation, storage, sharing } = core.consent();
  // The collector refuses them then, and nothing is to leave for that.
  const granted = !wantsPrivacy() && [segmentation, storage, sharing].every((choice) => choice === "granted");
  const within = core.segments().map(({ id }) => id).join(" ");
  const last = core.ledger().filter(({ kind }) => kind === "label").pop();
  const arrived = !last || last.outcome === "accepted" || last.outcome === "refused";
  return core.settle(share(pack, kept, granted, within, arrived, now));
}
