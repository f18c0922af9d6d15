// The settings of the generator: search without a server, no fonts and no scripts of others, anchors as a forge makes them.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitepress";

import { ENTRIES } from "../api.mjs";
import { menu, root } from "../pages.mjs";
import { staged } from "../stage.mjs";

/** What a page calls itself: its first heading. */
const title = (page) => page === "package.md" ? "The package" : /^# (.*)$/m.exec(readFileSync(join(staged, page), "utf8"))?.[1].replaceAll("`", "") ?? page;

/** The anchor of a heading as forges make it, so that one link is right in both. */
const slugify = (text) => text.trim().toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(/\s/g, "-");

/** The theme makes a button of every heading of the menu, also of those that do nothing when they are pressed. */
const headings = (html) => html.replaceAll(/(<div class="item")( role="button")?( tabindex="0")/g, "$1");

/** A heading of a column without a word in it is a plain cell. */
const cells = (md) =>
  md.core.ruler.push("empty-headings", ({ tokens }) => {
    tokens.forEach((token, index) => {
      if (token.type !== "th_open" || tokens[index + 1].content !== "") return;
      for (const part of [token, tokens[index + 2]]) part.tag = "td";
    });
  });

export default defineConfig({
  srcDir: staged,
  outDir: join(root, "target/site"),
  cacheDir: join(root, "target/site-cache"),
  lang: "en",
  title: "Keepset",
  description: "Customer segments that stay on the device.",
  cleanUrls: false,
  head: [["link", { rel: "icon", href: "/mark.svg", type: "image/svg+xml" }]],
  transformHtml: headings,
  markdown: {
    config: cells,
    anchor: { slugify },
    headers: { slugify },
    toc: { slugify },
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
  },
  vite: { build: { chunkSizeWarningLimit: 2000 } },
  themeConfig: {
    search: { provider: "local" },
    sidebar: menu(title, ENTRIES),
    nav: [
      { text: "Start", link: "/start" },
      { text: "API", link: "/api/" },
      { text: "Pack", link: "/pack" },
      { text: "What leaves", link: "/leaving" },
    ],
    outline: { level: [2, 3] },
    externalLinkIcon: true,
  },
});
