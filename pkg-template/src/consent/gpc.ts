// Global Privacy Control. It can only deny.
import { wantsPrivacy } from "../host/privacy.js";
import type { Source } from "./source.js";

/** Reads the browser's setting, and again whenever the page is come back to: the setting tells no one of its changes. */
export const gpc: Source = ({ codes, over, tell }) => {
  const look = (): true => (tell((gate) => (codes.gpc(gate).length && wantsPrivacy() ? "denied" : undefined)), true);
  look();
  document.addEventListener("visibilitychange", look, { signal: over });
  return look;
};
