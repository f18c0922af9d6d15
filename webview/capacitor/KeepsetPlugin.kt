// A Capacitor plugin for Android: puts the app's one host around Capacitor's own web view. Beside it: ../android/KeepsetHost.kt.
package keepset.webview

import com.getcapacitor.Plugin
import com.getcapacitor.annotation.CapacitorPlugin

@CapacitorPlugin(name = "Keepset")
class KeepsetPlugin : Plugin() {
    override fun load() {
        val app = host ?: KeepsetHost(KeepsetFiles(context.noBackupFilesDir)).also { host = it }
        // The origin of the app's own pages; see `server.hostname` and `androidScheme` of its configuration.
        app.attach(bridge.webView, setOf("https://localhost"))
    }

    override fun handleOnDestroy() {
        host?.detach(bridge.webView)
    }

    companion object {
        /** The app's: native code tracks and asks with it. */
        var host: KeepsetHost? = null
            private set
    }
}
