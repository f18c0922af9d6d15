// The generator's own look, in the system's fonts: nothing is asked of anyone.
import theme from "vitepress/theme-without-fonts";
import { h, onMounted } from "vue";

import { mendSearch } from "./search.js";
import "./style.css";

/** What an address shows that leads nowhere. */
const lost = () => h("main", { class: "vp-doc lost" }, [h("h1", "There is no such page"), h("p", h("a", { href: "/" }, "To the first page"))]);

export default {
  ...theme,
  setup: () => onMounted(mendSearch),
  Layout: () => h(theme.Layout, null, { "not-found": lost }),
};
