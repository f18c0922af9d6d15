/** Whether the browser says that its person wants nothing sold or shared (Global Privacy Control). What is neither absent nor false was meant so. */
export function wantsPrivacy(): boolean {
  const { navigator } = globalThis as { navigator?: { globalPrivacyControl?: unknown } };
  return (navigator?.globalPrivacyControl ?? false) !== false;
}
