/** System colours, so that light, dark and high contrast are the page's own; every part can be styled from outside. */
export const STYLE = `
:host{display:block;background:Canvas;color:CanvasText;line-height:1.5}
h2,p{margin:0}
[part=purpose]{display:flex;gap:1em;padding:.75em 0}
label{font-weight:600;cursor:pointer}
input{appearance:none;flex:none;box-sizing:border-box;width:3em;height:1.75em;margin:0;border:2px solid;border-radius:1em;padding:.25em;cursor:pointer}
input::before{content:"";display:block;box-sizing:border-box;width:1em;height:1em;border:2px solid;border-radius:50%}
input:checked::before{margin-inline-start:auto;background:currentColor}
input:disabled{color:GrayText}
[part=both]{display:flex;flex-wrap:wrap;gap:.5em;margin:.5em 0}
button{font:inherit;flex:1 1 10em;min-height:2.75em;border:1px solid;border-radius:.5em;cursor:pointer}
:focus-visible{outline:3px solid Highlight;outline-offset:2px}
@media (forced-colors:active){input{appearance:auto}input::before{content:none}}
`;
