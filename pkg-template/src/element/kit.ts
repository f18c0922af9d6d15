// What the elements are drawn with.

/** What can stand in an element. */
export type Child = Node | string;

/** Builds an element; text is only ever set as text. */
export function h(name: string, attributes: Readonly<Record<string, string>>, ...children: readonly Child[]): HTMLElement {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Builds a button. */
export function button(part: string, text: string, press: () => unknown): HTMLElement {
  const made = h("button", { type: "button", part, "data-key": part }, text);
  made.addEventListener("click", press);
  return made;
}

/** Gives an element a root of its own with a style. */
export function rooted(host: HTMLElement, style: string): ShadowRoot {
  const root = host.attachShadow({ mode: "open" });
  try {
    // Not a `style` element: a strict content security policy forbids those.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(style);
    root.adoptedStyleSheets = [sheet];
  } catch {
    // Older browsers show it plain.
  }
  return root;
}

/** Returns what looks again, once for all who ask before it began; what goes wrong shows nothing new. */
export function looker(show: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () =>
    (running ??= Promise.resolve()
      .then(() => {
        running = undefined;
        return show();
      })
      .catch(() => undefined));
}

/** A text with what it leaves open filled in. */
export function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}

/** Texts with others in the place of some, those that belong together one by one. */
export function worded<Texts extends object>(english: Texts, own: object): Texts {
  const words = { ...english, ...own } as { [name: string]: unknown };
  for (const [name, text] of Object.entries(english)) {
    if (typeof text === "object") words[name] = { ...text, ...(own as Record<string, object>)[name] };
  }
  return words as Texts;
}
