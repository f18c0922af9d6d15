/** System colours, so that light, dark and high contrast are the page's own; every part can be styled from outside. */
export const STYLE = `
:host{display:block;background:Canvas;color:CanvasText;line-height:1.5}
p{margin:0 0 .5em}
ul{list-style:none;margin:0 0 .5em;padding:0}
ul ul{padding-inline-start:1.5em}
li{overflow-wrap:anywhere}
[part=answer]{font-size:1.1em;font-weight:600}
[part=mark]{display:inline-block;width:1.25em}
`;
