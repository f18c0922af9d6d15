// How a consent manager is reached: by a function of this window, or by messages to a window around it.
import type { Choice } from "../dto.js";
import type { Again, Hearing } from "./source.js";

type Answer = (value: unknown, success: unknown) => void;
/** Sends a command to a consent manager. */
type Manager = (command: string, answer: Answer, parameter?: unknown) => void;

/**
 * Listens to a manager until `over`; false while there is none. Until it answers it is awaited; an answer that is none, or
 * that `read` cannot read, is a no. Managers that are handed over are the only ones there are. Asked again, it is by a listener that
 * hears one answer: TCF has no other way since 2.2, and what is registered is told at once how things stand.
 */
export function listen(name: "__tcfapi" | "__gpp", { managers, over, tell }: Hearing, read: (data: object) => void): Again | false {
  const manager = within(name, managers ?? globalThis) ?? (managers ? undefined : around(name, over));
  if (!manager) return false;
  const end = (id: unknown): void => {
    try {
      manager("removeEventListener", () => undefined, id);
    } catch {
      // It has ended for us, whatever the manager makes of it.
    }
  };
  let id: unknown;
  const hear = (once?: (answered: boolean) => void): void =>
    manager("addEventListener", (value, success) => {
      if (over.aborted) return;
      let answered = success === true && Object(value) === value;
      try {
        if (answered) {
          const { listenerId } = value as { listenerId?: unknown };
          if (once) end(listenerId);
          else id = listenerId ?? id;
          read(value as object);
        }
      } catch {
        answered = false;
      }
      if (once) once(answered);
      else if (!answered) tell("denied");
    });
  over.addEventListener("abort", () => end(id));
  tell("pending");
  hear();
  return () => new Promise(hear);
}

/** Whether a manager has answers to be read (`granted`), not yet, or never. */
export function stage(cmpStatus: unknown, status: unknown, ready: readonly unknown[]): Choice {
  if (cmpStatus === "error") return "denied";
  if (ready.includes(status)) return "granted";
  return typeof (status ?? "") === "string" ? "pending" : "denied";
}

function within(name: string, managers: object): Manager | undefined {
  // Looked up for each call: the manager replaces the stub it began with.
  const api = (): unknown => (managers as Record<string, unknown>)[name];
  if (typeof api() !== "function") return undefined;
  const version = name === "__tcfapi" ? [2] : [];
  return (command, answer, parameter) => (api() as (...of: unknown[]) => void)(command, ...version, answer, parameter);
}

function around(name: string, over: AbortSignal): Manager | undefined {
  const frame = frameWith(`${name}Locator`);
  if (!frame) return undefined;
  const answers = new Map<unknown, Answer>();
  const hear = ({ source, data }: MessageEvent): void => {
    if (source !== frame) return;
    try {
      const { callId, returnValue, success } = (typeof data === "string" ? JSON.parse(data) : data)[`${name}Return`];
      answers.get(callId)?.(returnValue, success);
    } catch {
      // A message about something else.
    }
  };
  addEventListener("message", hear, { signal: over });
  return (command, answer, parameter) => {
    // Other scripts of this page talk to the same manager.
    const callId = `keepset-${Math.random()}`;
    answers.set(callId, answer);
    frame.postMessage({ [`${name}Call`]: { command, version: name === "__tcfapi" ? 2 : "1.1", parameter, callId } }, "*");
  };
}

/** The nearest window, outward from this one, that has a frame of this name. */
function frameWith(locator: string): Window | undefined {
  let frame: Window | undefined = globalThis as unknown as Window;
  while (frame) {
    try {
      if ((frame.frames as unknown as Record<string, unknown>)[locator]) return frame;
    } catch {
      // A window of another origin says so by throwing that it has none.
    }
    frame = frame.parent === frame ? undefined : frame.parent;
  }
  return undefined;
}
