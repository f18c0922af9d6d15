// `keepset/vue`: a client in Vue, on the server too: what is shown first is the same on both sides.
import {
  type App,
  computed,
  type ComputedRef,
  defineComponent,
  getCurrentInstance,
  inject,
  type InjectionKey,
  type MaybeRefOrGetter,
  onMounted,
  onScopeDispose,
  type Plugin,
  type PropType,
  type ShallowRef,
  shallowRef,
  type SlotsType,
  toValue,
} from "vue";

import type { ConsentState, Membership } from "../dto.js";
import type { Unsubscribe } from "../emitter.js";
import { KeepsetError } from "../errors.js";
import { followed } from "../followed.js";
import type { Consent, Keepset, SegmentId, Snapshot } from "../types.js";
import { isIn, UNDECIDED, UNKNOWN } from "../views.js";

const KEY: InjectionKey<Keepset> = Symbol("keepset");

/** Makes the plugin that hands a client to an app: `app.use(keepsetPlugin(client))`. The client is the page's: it is neither started nor destroyed here. */
export function keepsetPlugin(client: Keepset): Plugin {
  return { install: (app: App) => void app.provide(KEY, client) };
}

/**
 * Returns the client of the app.
 *
 * Throws a `KeepsetError` with the code `invalid_argument` when there is none.
 */
export function useKeepset(): Keepset {
  const client = inject(KEY, undefined);
  if (client) return client;
  throw new KeepsetError("invalid_argument", "There is no client in this app: app.use(keepsetPlugin(client)).");
}

/** Returns the segments now, and how far the client is. */
export function useSnapshot(): Readonly<ShallowRef<Snapshot>> {
  const client = useKeepset();
  return followedRef(UNKNOWN, () => client.getSnapshot(), (tell) => client.subscribe(tell));
}

/** Returns the segments the device is in. */
export function useSegments(): ComputedRef<readonly Membership[]> {
  const snapshot = useSnapshot();
  return computed(() => snapshot.value.segments);
}

/**
 * Says whether the device is in a segment: `undefined` while that is not known, on the server and until the engine is there.
 * Show for `undefined` what may stay for either answer, and nothing flickers.
 */
export function useSegment(segment: MaybeRefOrGetter<SegmentId>): ComputedRef<boolean | undefined> {
  const snapshot = useSnapshot();
  return computed(() => isIn(snapshot.value, toValue(segment)));
}

/** Returns the person's choices and what changes them. */
export function useConsent(): { readonly state: Readonly<ShallowRef<ConsentState>>; readonly set: Consent["set"] } {
  const client = useKeepset();
  return { state: followedRef(UNDECIDED, () => client.consent.get(), (tell) => followed(client, tell)), set: client.consent.set };
}

/** Shows the slot `default` to who is in a segment, `otherwise` to who is not, and `pending` until that is known. */
export const IfSegment = defineComponent({
  name: "IfSegment",
  props: { segment: { type: String as PropType<SegmentId>, required: true } },
  slots: Object as SlotsType<{ default: unknown; otherwise: unknown; pending: unknown }>,
  setup(props, { slots }) {
    const answer = useSegment(() => props.segment);
    return () => (answer.value === undefined ? slots.pending : answer.value ? slots.default : slots.otherwise)?.({});
  },
});

/** A ref of what the client says, from the moment the component is in the page until its scope ends. */
function followedRef<T>(first: T, read: () => T, listen: (tell: () => void) => Unsubscribe): Readonly<ShallowRef<T>> {
  const ref = shallowRef(first);
  const update = (): void => void (ref.value = read());
  let over = false;
  let off: Unsubscribe | undefined;
  const start = (): void => {
    if (over) return;
    off = listen(update);
    update();
  };
  if (getCurrentInstance()) onMounted(start);
  else start();
  onScopeDispose(() => {
    over = true;
    off?.();
  });
  return ref;
}
