// One small drawing for each kind of identifier, so that colour is never the only sign. 16 by 16, stroked.
const NS = "http://www.w3.org/2000/svg";
const PATHS = Object.freeze({
  NAME: ["M8 8.2a2.7 2.7 0 1 0 0-5.4 2.7 2.7 0 0 0 0 5.4", "M2.8 13.6c.4-2.7 2.4-4 5.2-4s4.8 1.3 5.2 4"],
  LOCATION: ["M8 14.2s4.6-4.2 4.6-7.6a4.6 4.6 0 0 0-9.2 0c0 3.4 4.6 7.6 4.6 7.6", "M8 6.6v.1"],
  ORG: ["M3 13.6V4.2l5-2 5 2v9.4z", "M6 6.8h.1M10 6.8h.1M6.4 13.6v-3h3.2v3"],
  DATE: ["M2.8 4.2h10.4v9.4H2.8zM2.8 7.2h10.4", "M5.4 2.4v2.6M10.6 2.4v2.6"],
  AGE: ["M8 2.2v2.2M4 13.6h8", "M3.6 13.4V9.2c0-1.5 1-2.6 2.4-2.6h4c1.4 0 2.4 1.1 2.4 2.6v4.2"],
  PHONE: ["M4.6 2.6 6.4 6 5 7.4c.7 1.7 1.9 2.9 3.6 3.6L10 9.6l3.4 1.8-.8 2.2C7.4 13.8 2.2 8.6 2.4 3.4z"],
  EMAIL: ["M2.4 4h11.2v8.4H2.4z", "m2.4 4.6 5.6 4.4 5.6-4.4"],
  URL: ["M8 2.4a5.6 5.6 0 1 0 0 11.2A5.6 5.6 0 0 0 8 2.4M2.4 8h11.2", "M8 2.4c-3.2 3.4-3.2 7.8 0 11.2 3.2-3.4 3.2-7.8 0-11.2"],
  IP: ["M3 3.4h10v4H3zM3 8.8h10v4H3z", "M5.2 5.4v.1M5.2 10.8v.1"],
  ID: ["M6.2 2.6 5 13.4M11 2.6 9.8 13.4", "M2.8 6h10.6M2.6 10h10.6"],
  SECRET: ["M3.8 7.4h8.4v6H3.8z", "M5.6 7.2V5a2.4 2.4 0 0 1 4.8 0v2.2"],
  MARKED: ["M4 14V2.6", "M4 3.2h8.2l-2 2.8 2 2.8H4"],
  TEXT: ["M3 4h10M3 8h10M3 12h6"],
});

/** The drawing of a kind; an unknown kind has that of a passage. */
export function iconOf(type) {
  const svg = document.createElementNS(NS, "svg");
  for (const [name, value] of [["viewBox", "0 0 16 16"], ["class", "kind"], ["aria-hidden", "true"], ["focusable", "false"]]) {
    svg.setAttribute(name, value);
  }
  for (const d of PATHS[type] ?? PATHS.TEXT) {
    const path = document.createElementNS(NS, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}
