// The Android app's side of keepset/webview: keeps the profile for every WebView of the app, and asks the engine in one of them.
// The messages are those of docs/webview.schema.json, version 1; webview/host.mjs is the same host in JavaScript.
package keepset.webview

import android.net.Uri
import android.util.AtomicFile
import android.util.Base64
import android.webkit.WebView
import androidx.webkit.JavaScriptReplyProxy
import androidx.webkit.WebMessageCompat
import androidx.webkit.WebViewCompat
import androidx.webkit.WebViewFeature
import java.io.File
import java.util.UUID
import org.json.JSONException
import org.json.JSONObject

/** Keeps base64 texts durably; [set] returns only when the value is on disk. One of it, and one host, per app. */
interface KeepsetStore {
    fun get(key: String): String?
    fun set(key: String, value: String)
    fun delete(key: String)
}

/** A file per key. Give it `context.noBackupFilesDir`: a budget must not come back from a backup. */
class KeepsetFiles(private val folder: File) : KeepsetStore {
    private fun file(key: String) = AtomicFile(File(folder, key.toByteArray().joinToString("") { "%02x".format(it) }))

    override fun get(key: String): String? = file(key).run { if (baseFile.exists()) readFully().decodeToString() else null }

    override fun set(key: String, value: String) {
        val file = file(key)
        val stream = file.startWrite()
        try {
            stream.write(value.toByteArray())
            file.finishWrite(stream)
        } catch (error: Exception) {
            file.failWrite(stream)
            throw error
        }
    }

    override fun delete(key: String) = file(key).delete()
}

/** Why a request was not done. */
class KeepsetRefusal(val code: String, message: String) : Exception(message)

/** Answers the pages of the app's web views. All of it runs on the main thread, as WebView does, so a swap is never interrupted. */
class KeepsetHost(private val store: KeepsetStore) : WebViewCompat.WebMessageListener {
    private val ready = LinkedHashMap<WebView, JavaScriptReplyProxy>()
    private val waiting = HashMap<Int, (Result<Any?>) -> Unit>()
    private val kept = ArrayDeque<Pair<JSONObject, (Result<Any?>) -> Unit>>()
    private var last = 0

    /** Called with what pages tell: `ready`, `change`, `consent`. */
    var onTell: ((JSONObject) -> Unit)? = null

    /** Call it before the web view loads its page; only pages of [origins] are answered. Says whether this WebView can (Chromium 88 and newer). */
    fun attach(view: WebView, origins: Set<String>): Boolean {
        if (!WebViewFeature.isFeatureSupported(WebViewFeature.WEB_MESSAGE_LISTENER)) return false
        WebViewCompat.addWebMessageListener(view, "keepsetHost", origins, this)
        return true
    }

    /** Forgets a web view that is gone. */
    fun detach(view: WebView) {
        ready.remove(view)
    }

    /** Tells an engine of an event; kept until a web view has one. */
    fun track(event: String, properties: JSONObject = JSONObject(), eventId: String = UUID.randomUUID().toString(), answer: (Result<Any?>) -> Unit = {}) {
        val message = JSONObject().put("call", "track").put("event", event).put("properties", properties)
        message.put("at", System.currentTimeMillis()).put("eventId", eventId)
        val page = ready.values.firstOrNull()
        if (page != null) ask(page, message, answer) else kept.add(message to answer)
    }

    /** Asks the engine in a web view: `ask("has", JSONObject().put("segment", "regular")) { … }`. */
    fun ask(call: String, what: JSONObject = JSONObject(), answer: (Result<Any?>) -> Unit) {
        val page = ready.values.firstOrNull()
        if (page == null) answer(Result.failure(KeepsetRefusal("no_client", "no web view has an engine")))
        else ask(page, JSONObject(what.toString()).put("call", call), answer)
    }

    private fun ask(page: JavaScriptReplyProxy, message: JSONObject, answer: (Result<Any?>) -> Unit) {
        last += 1
        waiting[last] = answer
        page.postMessage(message.put("keepset", VERSION).put("id", last).toString())
    }

    override fun onPostMessage(view: WebView, message: WebMessageCompat, sourceOrigin: Uri, isMainFrame: Boolean, replyProxy: JavaScriptReplyProxy) {
        val said = if (isMainFrame) parse(message.data) else null
        when {
            said == null -> return
            said.has("tell") -> told(view, said, replyProxy)
            said.has("re") -> answered(said)
            else -> replyProxy.postMessage(reply(said).put("keepset", VERSION).put("re", said.opt("id")).toString())
        }
    }

    private fun told(view: WebView, said: JSONObject, page: JavaScriptReplyProxy) {
        if (said.getString("tell") == "ready" && said.optString("status") in setOf("ready", "paused")) {
            ready[view] = page
            while (kept.isNotEmpty()) kept.removeFirst().let { (message, answer) -> ask(page, message, answer) }
        }
        onTell?.invoke(said)
    }

    private fun answered(said: JSONObject) {
        val answer = waiting.remove(said.optInt("re")) ?: return
        val error = said.optJSONObject("error")
        answer(if (error == null) Result.success(said.opt("value")) else Result.failure(KeepsetRefusal(error.optString("code"), error.optString("message"))))
    }

    private fun reply(said: JSONObject): JSONObject {
        if (said.optInt("keepset") != VERSION) return refuse("version", "this app speaks version $VERSION of the messages")
        val call = said.optString("call")
        if (call == "hello") return JSONObject().put("value", JSONObject().put("version", VERSION))
        return try {
            val value = keep(call, said) ?: return refuse("unknown_call", "there is no call $call")
            JSONObject().put("value", value)
        } catch (error: Exception) {
            refuse("failed", error.message ?: error.javaClass.simpleName)
        }
    }

    private fun keep(call: String, said: JSONObject): Any? {
        val key = said.optString("key")
        return when (call) {
            "storage.get" -> store.get(key) ?: JSONObject.NULL
            "storage.set" -> JSONObject.NULL.also { store.set(key, said.getString("value")) }
            "storage.delete" -> JSONObject.NULL.also { store.delete(key) }
            "storage.swap" -> {
                val expected = if (said.isNull("expected")) null else said.getString("expected")
                (store.get(key) == expected).also { same -> if (same) store.set(key, said.getString("next")) }
            }
            "storage.append" -> append(key, decode(said.getString("last")), decode(said.getString("bytes")))
            else -> null
        }
    }

    private fun append(key: String, end: ByteArray, bytes: ByteArray): Boolean {
        val found = decode(store.get(key) ?: return false)
        if (found.isEmpty() || found.size < end.size || !found.copyOfRange(found.size - end.size, found.size).contentEquals(end)) return false
        store.set(key, Base64.encodeToString(found + bytes, Base64.NO_WRAP))
        return true
    }

    private companion object {
        const val VERSION = 1

        fun decode(text: String): ByteArray = Base64.decode(text, Base64.NO_WRAP)

        fun refuse(code: String, message: String): JSONObject = JSONObject().put("error", JSONObject().put("code", code).put("message", message))

        fun parse(text: String?): JSONObject? = try {
            JSONObject(text ?: "").takeIf { it.opt("keepset") is Int }
        } catch (_: JSONException) {
            null
        }
    }
}
