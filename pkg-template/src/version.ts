declare const __KEEPSET_VERSION__: string;

/** The version of this package. */
export const version: string = __KEEPSET_VERSION__;
