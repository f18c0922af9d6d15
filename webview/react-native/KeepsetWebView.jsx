// A React Native web view whose page shares the app's profile: `<KeepsetWebView host={host} source={{ uri: "https://shop.example" }} />`.
// `host` is one `KeepsetHost` of ../host.mjs per app, over a store that is durable when it resolves (AsyncStorage, MMKV, a file).
import { useCallback, useEffect, useMemo, useRef } from "react";
import { WebView } from "react-native-webview";

export function KeepsetWebView({ host, originWhitelist, ...props }) {
  const view = useRef(null);
  const post = useCallback((text) => {
    // A text within a text: nothing of the message is run as a script.
    view.current?.injectJavaScript(`dispatchEvent(new MessageEvent("keepset", { data: ${JSON.stringify(text)} })); true;`);
  }, []);
  const receive = useMemo(() => host.attach(post), [host, post]);
  useEffect(() => () => host.detach(post), [host, post]);
  const onMessage = useCallback(
    async ({ nativeEvent }) => {
      const reply = await receive(nativeEvent.data);
      if (reply) post(reply);
    },
    [receive, post],
  );
  return <WebView {...props} ref={view} originWhitelist={originWhitelist} onMessage={onMessage} />;
}
