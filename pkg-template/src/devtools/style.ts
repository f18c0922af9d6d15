/** System colours, so that light, dark and high contrast are the reader's own. */
export const STYLE = `
:host{position:fixed;inset:auto 0 0 auto;z-index:2147483647;max-width:100%;font:14px/1.5 system-ui,sans-serif;color:CanvasText}
aside{background:Canvas;border:1px solid;border-radius:.5em 0 0 0;width:30em;max-width:100vw;box-sizing:border-box;max-height:70vh;overflow:auto;padding:.5em 1em 1em}
h2{font-size:1.1em;margin:0}
h3{font-size:1em;margin:1em 0 .25em}
ul{margin:0;padding:0;list-style:none}
ul ul{padding-inline-start:1.5em}
p{margin:0}
li,.log p{border-top:1px solid color-mix(in srgb,currentColor 25%,transparent);padding:.2em 0;overflow-wrap:anywhere}
pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:.25em 0}
label{display:block}
button,input,select{font:inherit;min-height:2em;margin:.15em .25em .15em 0;max-width:100%}
.log{max-height:12em;overflow:auto}
:focus-visible{outline:3px solid Highlight;outline-offset:2px}
`;
