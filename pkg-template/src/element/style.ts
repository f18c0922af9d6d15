/** System colours, so that light, dark and high contrast are the page's own; every part can be styled from outside. */
export const STYLE = `
:host{display:block;background:Canvas;color:CanvasText;line-height:1.5;container-type:inline-size}
h2,h3,p,ol,dl,dd{margin:0}
h3{margin-top:1.5em;font-size:1.1em}
ol{list-style:none;padding:0}
.epsilon{display:grid;grid-template-columns:repeat(auto-fit,minmax(6.5em,1fr));gap:.75em;margin:1em 0 .5em}
.epsilon div,details{border:1px solid GrayText;border-radius:.5em;padding:.5em .75em}
.epsilon dd{font-size:1.4em;font-weight:600}
details{margin-top:.5em}
summary{cursor:pointer;padding:.25em 0}
.fields{display:grid;grid-template-columns:minmax(7em,auto) 1fr;gap:.25em 1em;padding-top:.5em}
.fields dt{font-weight:600}
dd{overflow-wrap:anywhere}
code{font-size:.9em}
button{font:inherit;min-height:2.75em;padding:.25em 1.25em;margin-top:.5em;border:1px solid;border-radius:.5em;cursor:pointer}
:focus-visible{outline:3px solid Highlight;outline-offset:2px}
@container (max-width:30em){.fields{display:block}.fields dd{margin-bottom:.5em}button{width:100%}}
@media print{button{display:none}}
`;
