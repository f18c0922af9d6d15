// The iOS app's side of keepset/webview: keeps the profile for every WKWebView of the app, and asks the engine in one of them.
// The messages are those of docs/webview.schema.json, version 1; webview/host.mjs is the same host in JavaScript.
import Foundation
import WebKit

/// Keeps base64 texts durably; `set` returns only when the value is on disk. One of it, and one host, per app.
public protocol KeepsetStore {
    func get(_ key: String) throws -> String?
    func set(_ key: String, _ value: String) throws
    func delete(_ key: String) throws
}

/// A file per key in Application Support, written atomically and left out of backups: a budget must not come back from one.
public final class KeepsetFiles: KeepsetStore {
    private let folder: URL

    public init() throws {
        let support = try FileManager.default.url(for: .applicationSupportDirectory, in: .userDomainMask, appropriateFor: nil, create: true)
        var folder = support.appendingPathComponent("keepset", isDirectory: true)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var values = URLResourceValues()
        values.isExcludedFromBackup = true
        try folder.setResourceValues(values)
        self.folder = folder
    }

    private func file(_ key: String) -> URL {
        folder.appendingPathComponent(Data(key.utf8).map { String(format: "%02x", $0) }.joined())
    }

    public func get(_ key: String) throws -> String? {
        let file = file(key)
        return FileManager.default.fileExists(atPath: file.path) ? try String(contentsOf: file, encoding: .utf8) : nil
    }

    public func set(_ key: String, _ value: String) throws {
        try Data(value.utf8).write(to: file(key), options: [.atomic, .completeFileProtectionUntilFirstUserAuthentication])
    }

    public func delete(_ key: String) throws {
        let file = file(key)
        if FileManager.default.fileExists(atPath: file.path) { try FileManager.default.removeItem(at: file) }
    }
}

/// Answers the pages of the app's web views. All of it runs on the main thread, as WebKit does, so a swap is never interrupted.
@MainActor
public final class KeepsetHost: NSObject, WKScriptMessageHandlerWithReply {
    public typealias Answer = (Result<Any?, Error>) -> Void

    public struct Refusal: Error {
        public let code: String
        public let message: String
    }

    private static let version = 1
    private let store: KeepsetStore
    private let ready = NSHashTable<WKWebView>.weakObjects()
    private var waiting: [Int: Answer] = [:]
    private var kept: [([String: Any], Answer)] = []
    private var last = 0
    /// Called with what pages tell: `ready`, `change`, `consent`.
    public var onTell: (([String: Any]) -> Void)?

    public init(store: KeepsetStore) {
        self.store = store
    }

    /// Call it before the web view loads its page. Only a main frame is answered: load no page in it that is not yours.
    public func attach(to configuration: WKWebViewConfiguration) {
        configuration.userContentController.addScriptMessageHandler(self, contentWorld: .page, name: "keepset")
    }

    /// Tells an engine of an event; kept until a web view has one.
    public func track(_ event: String, _ properties: [String: Any] = [:], eventId: String = UUID().uuidString, answer: @escaping Answer = { _ in }) {
        let at = (Date().timeIntervalSince1970 * 1000).rounded()
        let message: [String: Any] = ["call": "track", "event": event, "properties": properties, "at": at, "eventId": eventId]
        if let view = ready.allObjects.first { ask(view, message, answer) } else { kept.append((message, answer)) }
    }

    /// Asks the engine in a web view: `ask("has", ["segment": "regular"]) { … }`.
    public func ask(_ call: String, _ what: [String: Any] = [:], answer: @escaping Answer) {
        guard let view = ready.allObjects.first else {
            return answer(.failure(Refusal(code: "no_client", message: "no web view has an engine")))
        }
        ask(view, what.merging(["call": call]) { _, call in call }, answer)
    }

    private func ask(_ view: WKWebView, _ message: [String: Any], _ answer: @escaping Answer) {
        last += 1
        waiting[last] = answer
        let text = Self.text(message.merging(["keepset": Self.version, "id": last]) { _, own in own })
        let script = "dispatchEvent(new MessageEvent('keepset', { data: text }))"
        view.callAsyncJavaScript(script, arguments: ["text": text], in: nil, in: .page) { _ in }
    }

    public func userContentController(
        _ controller: WKUserContentController, didReceive message: WKScriptMessage, replyHandler: @escaping (Any?, String?) -> Void
    ) {
        guard message.frameInfo.isMainFrame, let said = Self.parse(message.body) else { return replyHandler(NSNull(), nil) }
        if let tell = said["tell"] as? String {
            told(tell, said, by: message.webView)
            return replyHandler(NSNull(), nil)
        }
        if let re = said["re"] as? Int {
            answered(re, said)
            return replyHandler(NSNull(), nil)
        }
        let reply = self.reply(to: said).merging(["keepset": Self.version, "re": said["id"] ?? NSNull()]) { _, own in own }
        replyHandler(Self.text(reply), nil)
    }

    private func told(_ tell: String, _ said: [String: Any], by view: WKWebView?) {
        if tell == "ready", let view, ["ready", "paused"].contains(said["status"] as? String) {
            ready.add(view)
            let first = kept
            kept = []
            for (message, answer) in first { ask(view, message, answer) }
        }
        onTell?(said)
    }

    private func answered(_ re: Int, _ said: [String: Any]) {
        guard let answer = waiting.removeValue(forKey: re) else { return }
        guard let error = said["error"] as? [String: Any] else { return answer(.success(said["value"])) }
        answer(.failure(Refusal(code: error["code"] as? String ?? "failed", message: error["message"] as? String ?? "")))
    }

    private func reply(to said: [String: Any]) -> [String: Any] {
        guard said["keepset"] as? Int == Self.version else {
            return Self.refuse("version", "this app speaks version \(Self.version) of the messages")
        }
        let call = said["call"] as? String ?? ""
        if call == "hello" { return ["value": ["version": Self.version]] }
        do {
            guard let value = try keep(call, said) else { return Self.refuse("unknown_call", "there is no call \(call)") }
            return ["value": value]
        } catch {
            return Self.refuse("failed", error.localizedDescription)
        }
    }

    private func keep(_ call: String, _ said: [String: Any]) throws -> Any? {
        let key = said["key"] as? String ?? ""
        switch call {
        case "storage.get":
            return try store.get(key) ?? NSNull()
        case "storage.set":
            try store.set(key, said["value"] as? String ?? "")
            return NSNull()
        case "storage.delete":
            try store.delete(key)
            return NSNull()
        case "storage.swap":
            let same = try store.get(key) == said["expected"] as? String
            if same { try store.set(key, said["next"] as? String ?? "") }
            return same
        case "storage.append":
            guard let found = try store.get(key).flatMap({ Data(base64Encoded: $0) }),
                  let end = Data(base64Encoded: said["last"] as? String ?? ""),
                  let bytes = Data(base64Encoded: said["bytes"] as? String ?? ""),
                  !found.isEmpty, found.suffix(end.count) == end else { return false }
            try store.set(key, (found + bytes).base64EncodedString())
            return true
        default:
            return nil
        }
    }

    private static func refuse(_ code: String, _ message: String) -> [String: Any] {
        ["error": ["code": code, "message": message]]
    }

    private static func text(_ message: [String: Any]) -> String {
        // Only values that came from JSON, or that the app promised to be such, get here.
        let data = (try? JSONSerialization.data(withJSONObject: message)) ?? Data("{}".utf8)
        return String(decoding: data, as: UTF8.self)
    }

    private static func parse(_ body: Any) -> [String: Any]? {
        guard let text = body as? String,
              let message = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any],
              message["keepset"] is Int else { return nil }
        return message
    }
}
