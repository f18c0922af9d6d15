// A Capacitor plugin for iOS: puts the app's one host around Capacitor's own web view. Beside it: ../ios/KeepsetHost.swift.
import Capacitor

@objc(KeepsetPlugin)
public class KeepsetPlugin: CAPPlugin, CAPBridgedPlugin {
    public let identifier = "KeepsetPlugin"
    public let jsName = "Keepset"
    public let pluginMethods: [CAPPluginMethod] = []
    /// The app's: native code tracks and asks with it.
    @MainActor public static let host: KeepsetHost? = (try? KeepsetFiles()).map(KeepsetHost.init(store:))

    override public func load() {
        // Capacitor loads its plugins before the page, on the main thread.
        MainActor.assumeIsolated {
            guard let configuration = bridge?.webView?.configuration else { return }
            Self.host?.attach(to: configuration)
        }
    }
}
