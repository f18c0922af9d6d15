// Bars of what leaves as plain SVG, readable without colour: every bar has its name and its number.
const WIDTH = 760;
const LEFT = 150;
const RIGHT = 640;
const ROW = 34;
const TOP = 44;

/** A number of bytes as people read it. */
function size(bytes) {
  if (bytes < 1_000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${(bytes / 1_000).toPrecision(3)} kB` : `${(bytes / 1_000_000).toPrecision(3)} MB`;
}

/** Draws the rows: bodies dark, and behind them all that goes over the wire. */
export function chart(rows, count) {
  const most = Math.max(...rows.map(({ bytes }) => bytes));
  const width = (bytes) => Math.max(1, ((RIGHT - LEFT) * bytes) / most).toFixed(1);
  const title = `Bytes that leave a device per ${count.toLocaleString("en")} events`;
  const height = TOP + rows.length * ROW + 26;
  const bars = rows.map(({ name, bodies, bytes, requests }, at) => {
    const y = TOP + at * ROW;
    return `  <text x="${LEFT - 8}" y="${y + 15}" text-anchor="end">${name}</text>
  <rect x="${LEFT}" y="${y}" width="${width(bytes)}" height="20" fill="#9cc4e0"/>
  <rect x="${LEFT}" y="${y}" width="${width(bodies)}" height="20" fill="#0072b2"/>
  <text x="${LEFT + Number(width(bytes)) + 6}" y="${y + 15}">${size(bodies)}, ${size(bytes)}; ${requests.toLocaleString("en")}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH + 60} ${height}" role="img" aria-label="${title}" font-family="system-ui, sans-serif" font-size="13" fill="#222">
  <title>${title}</title>
  <desc>${rows.map(({ name, bodies, bytes, requests }) => `${name}: ${size(bodies)} of bodies, ${size(bytes)} in all, in ${requests} requests.`).join(" ")}</desc>
  <rect width="100%" height="100%" fill="#fff"/>
  <text x="${LEFT}" y="24" font-size="15" font-weight="600">${title}</text>
${bars.join("\n")}
  <text x="${LEFT}" y="${height - 10}" font-size="11">Bodies (dark), with addresses and headers (light); requests.</text>
</svg>
`;
}
