// What add-ons share that learn on the device in rounds: what they may know, and how they tell what began and what ended.
import type { Cancellable, Keepset } from "./types.js";

/** What is learned is stored, or not learned. */
export function mayLearn({ consent }: Keepset): boolean {
  const { segmentation, storage } = consent.get();
  return segmentation === "granted" && storage === "granted";
}

/** The values of features, in the order of their names; not a number where there is none. */
export async function valuesOf(client: Keepset, names: readonly string[], options: Cancellable): Promise<Float64Array> {
  const features = new Map((await client.features(options)).map(({ id, value }) => [id, value]));
  return Float64Array.from(names, (id) => features.get(id) ?? NaN);
}

/** The segments the device is in, with a space between two. */
export const within = (client: Keepset): string => client.getSnapshot().segments.map(({ id }) => id).join(" ");

/** Takes in events of a round. By their names, two tabs that begin or end a round at once do it once. */
export const teller = (client: Keepset, name: string, round: string | number) => (kind: string, properties: object): void =>
  (client.track as (name: string, properties: object, options: { id: string }) => void).call(client, `${name}.${kind}`, properties, { id: `${name}.${kind} ${round}` });
