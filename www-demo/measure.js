/** Measures what the page claims: bytes stored in this browser, and requests that were not for the page's own files. */

const home = new URL(".", import.meta.url).href;
let requests = 0;
const listeners = new Set();

// The browser's own list of every resource this page asked for. It starts before the first script runs.
new PerformanceObserver((list) => {
  const outside = list.getEntries().filter(({ name }) => !name.startsWith(home));
  requests += outside.length;
  if (outside.length > 0) for (const listener of listeners) listener();
}).observe({ type: "resource", buffered: true });

/** How many requests went anywhere but to this page's own files. */
export const requestsMade = () => requests;

/** Calls back after each further request. */
export const onRequest = (listener) => listeners.add(listener);

/** Adds up everything this site holds in this browser: databases, local and session storage, caches, cookies. */
export async function bytesStored() {
  const parts = [inDatabases(), inCaches(), inText()];
  const sizes = await Promise.all(parts.map((part) => part.catch(() => 0)));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function inText() {
  const size = (text) => new TextEncoder().encode(text).length;
  const inStore = (store) => Object.entries(store).reduce((sum, [key, value]) => sum + size(key) + size(value), 0);
  return size(document.cookie) + inStore(localStorage) + inStore(sessionStorage);
}

async function inCaches() {
  if (!("caches" in globalThis)) return 0;
  let sum = 0;
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const answer of await cache.matchAll()) sum += (await answer.arrayBuffer()).byteLength;
  }
  return sum;
}

async function inDatabases() {
  let sum = 0;
  for (const { name } of await indexedDB.databases()) sum += await inDatabase(name);
  return sum;
}

function inDatabase(name) {
  return new Promise((resolve) => {
    const opening = indexedDB.open(name);
    // Looking must never create what was deleted a moment ago.
    opening.onupgradeneeded = () => opening.transaction.abort();
    opening.onerror = (event) => {
      event.preventDefault();
      resolve(0);
    };
    opening.onsuccess = () => {
      const database = opening.result;
      database.onversionchange = () => database.close();
      const stores = [...database.objectStoreNames];
      if (stores.length === 0) {
        database.close();
        return resolve(0);
      }
      const reading = database.transaction(stores, "readonly");
      let sum = 0;
      for (const store of stores) {
        reading.objectStore(store).openCursor().onsuccess = ({ target: { result: cursor } }) => {
          if (!cursor) return;
          sum += weigh(cursor.key) + weigh(cursor.value);
          cursor.continue();
        };
      }
      const end = () => {
        database.close();
        resolve(sum);
      };
      reading.oncomplete = end;
      reading.onabort = end;
    };
  });
}

/** The bytes of a stored value: buffers as they are, everything else as its text. */
function weigh(value) {
  if (value instanceof ArrayBuffer) return value.byteLength;
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (value !== null && typeof value === "object") {
    return Object.entries(value).reduce((sum, [key, part]) => sum + key.length + weigh(part), 0);
  }
  return String(value).length;
}
