// Global Privacy Control. It can only deny.
import type { Source } from "./source.js";

/** Reads the browser's setting, and again whenever the page is come back to: the setting tells no one of its changes. */
export const gpc: Source = ({ codes, over, tell }) => {
  const look = (): void => tell((gate) => (codes.gpc(gate).length > 0 && asked() ? "denied" : undefined));
  look();
  document.addEventListener("visibilitychange", look, { signal: over });
  return true;
};

/** What is neither absent nor false was meant as a wish for privacy. */
function asked(): boolean {
  const { globalPrivacyControl } = navigator as { globalPrivacyControl?: unknown };
  return (globalPrivacyControl ?? false) !== false;
}
