// From an answer of the desk to elements. Law: text of records goes into text nodes only; nothing here writes markup.

const SVG = "http://www.w3.org/2000/svg";
const COLOURS = { VERIFIED: "good", "VERIFIED WITH GAPS": "warn", "NOT VERIFIED": "bad", "CANNOT TELL": "cold" };
const STATES = { pass: "holds", gap: "gap", unknown: "cannot tell", fail: "DOES NOT HOLD", not_run: "not run" };
const TIME = /(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d{3})?(Z|[+-]\d\d:\d\d)/g;
const DASHED = ["crashed", "cut"];

/** Make an element: `el("p", {class: "quiet"}, "text", other)`. Strings become text nodes. */
function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null));
  return made;
}

function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Write the times in a text as people do: the day, the clock, the offset from UTC. */
const readable = (text) => text.replace(TIME, (_, day, clock, zone) => `${day} ${clock} ${zone === "Z" || zone === "+00:00" ? "UTC" : zone}`);

const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f");

function duration(minutes) {
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return minutes % 60 === 0 ? `${grouped(hours)} h` : `${grouped(hours)} h ${minutes % 60} min`;
}

function section(title, ...children) {
  return el("section", {}, el("h2", {}, title), ...children);
}

function showVerdict(answer) {
  const said = answer.scope === "structure" ? `${answer.sentence} ${answer.structureOnly}` : answer.sentence;
  const what = answer.reached ? `Computer ${answer.computer}. Records ${grouped(answer.range[0])} to ${grouped(answer.range[1])} of ${grouped(answer.size)}.` : "";
  const heading = el("h1", { id: "verdict", tabindex: "-1" }, answer.verdict);
  return el("section", { class: `verdict v-${COLOURS[answer.verdict]}`, role: "status" }, heading, el("p", {}, said), what === "" ? null : el("p", {}, what));
}

function showCards(answer) {
  const held = answer.checks.filter(({ state }) => state === "pass").length;
  const { level, size, t } = answer.independence;
  const anchored = level === "I1";
  const fixed = anchored ? `You fixed the history up to record ${grouped(size - 1)}${t === null ? ", on paper" : ` on ${readable(t)}`}.` : "Not fixed by an anchor of yours in this check.";
  const minutes = answer.minutes ?? { E1: 0, E0: 0, gap: 0 };
  const rest = [minutes.E0 > 0 ? `${duration(minutes.E0)} on, but not measured` : "", minutes.gap > 0 ? `${duration(minutes.gap)} without any measurement` : ""].filter((text) => text !== "");
  const network = answer.opened ? `${duration(minutes.E1)} measured` : "not opened";
  return el(
    "div",
    { class: "cards" },
    card("Integrity", `${held} of ${answer.checks.length} checks hold`, fixed),
    card("Independence", anchored ? "anchored" : "self-attested", anchored ? "An earlier check of yours agrees with this history." : answer.selfAttested),
    card("Network evidence", network, answer.opened ? (rest.join("; ") || "No running time lies outside the measurement.") : "Add your keyring and identity to read the evidence."),
  );
}

const card = (title, big, text) => el("div", { class: "card" }, el("h3", {}, title), el("p", { class: "big" }, big), el("p", { class: "small quiet" }, text));

function showFindings(answer) {
  const broken = answer.checks.filter(({ state }) => state !== "pass" && state !== "not_run");
  if (broken.length === 0) return el("p", {}, "Every check that ran holds.");
  const rows = broken.flatMap((check) => {
    const said = check.findings.map((text) => el("li", {}, readable(text)));
    if (check.count > said.length) said.push(el("li", { class: "quiet" }, `and ${grouped(check.count - said.length)} more of the same kind`));
    return el("tr", {}, el("td", { class: "nowrap" }, check.id), stateCell(check.state), el("td", {}, check.title, el("ul", { class: "said" }, ...said)));
  });
  return el("table", {}, tableHead("No.", "Result", "Check and what was found"), el("tbody", {}, ...rows));
}

const stateCell = (state) => el("td", {}, el("span", { class: `state s-${state}` }, STATES[state]));
const tableHead = (...names) => el("thead", {}, el("tr", {}, ...names.map((name) => el("th", { scope: "col" }, name))));

function showChecks(answer) {
  const rows = answer.checks.map((check) =>
    el("tr", {}, el("td", { class: "nowrap" }, check.id), el("td", {}, check.stage), el("td", {}, check.title), stateCell(check.state), el("td", { class: "num" }, check.count > 0 ? grouped(check.count) : "")),
  );
  return el("details", { class: "more" }, el("summary", {}, `All ${answer.checks.length} checks`), el("table", {}, tableHead("No.", "Stage", "Check", "Result", "Findings"), el("tbody", {}, ...rows)));
}

function showCoverage(answer) {
  const times = answer.periods.map(({ start, end }) => [Date.parse(start), Date.parse(end)]);
  const first = Math.min(...times.map(([start]) => start));
  const length = Math.max(1, Math.max(...times.map(([, end]) => end)) - first);
  const bar = svg("svg", { class: "coverage", viewBox: "0 0 1000 34", preserveAspectRatio: "none", role: "img", "aria-label": coverageWords(answer) });
  answer.periods.forEach(({ label }, place) => {
    const x = ((times[place][0] - first) / length) * 1000;
    const width = Math.max(1.5, ((times[place][1] - times[place][0]) / length) * 1000);
    bar.append(svg("rect", { class: `p-${label}`, x: x.toFixed(2), y: 0, width: width.toFixed(2), height: 34 }));
    if (DASHED.includes(label)) for (let at = x + 3; at < x + width; at += 8) bar.append(svg("line", { class: "hatch", x1: at.toFixed(1), y1: 34, x2: (at + 5).toFixed(1), y2: 0 }));
  });
  const labels = new Map(answer.periods.map(({ label, words }) => [label, words]));
  const legend = [...labels].map(([label, words]) => el("li", {}, svg("svg", { viewBox: "0 0 14 14", "aria-hidden": "true" }, svg("rect", { class: `p-${label}`, width: 14, height: 14, rx: 3 })), words));
  const ends = el("div", { class: "coverage-ends" }, el("span", {}, readable(answer.periods[0].start)), el("span", {}, readable(answer.periods.at(-1).end)));
  return section("When the computer was on", bar, ends, el("ul", { class: "legend" }, ...legend), ...gapList(answer));
}

function coverageWords(answer) {
  const gaps = answer.periods.filter(({ label }) => DASHED.includes(label)).length;
  return `Coverage from ${readable(answer.periods[0].start)} to ${readable(answer.periods.at(-1).end)}, with ${gaps === 0 ? "no gap" : `${gaps} gaps`}`;
}

function gapList(answer) {
  const gaps = answer.periods.filter(({ label }) => DASHED.includes(label));
  if (gaps.length === 0) return [];
  const rows = gaps.slice(0, 20).map(({ start, end, words }) => el("tr", {}, el("td", {}, words), el("td", {}, readable(start)), el("td", {}, readable(end))));
  const more = gaps.length > 20 ? [el("p", { class: "small quiet" }, `Showing 20 of ${gaps.length} gaps.`)] : [];
  return [el("h3", {}, "Gaps"), el("table", {}, tableHead("What", "From", "To"), el("tbody", {}, ...rows)), ...more];
}

function showHappened(answer) {
  const { totals } = answer;
  const names = [["requests", "requests"], ["answered", "answered"], ["refused", "answer withheld"], ["blocked", "blocked before a model"], ["failed", "failed"], ["interrupted", "interrupted"], ["flagged", "flagged"], ["erased", "erased by order"], ["purged", "key destroyed"]];
  const tiles = names.map(([name, words]) => el("div", { class: "tile" }, el("span", { class: "n" }, grouped(totals[name])), el("span", { class: "w" }, words)));
  return section("What happened", el("div", { class: "tiles" }, ...tiles), el("h3", {}, "Identifiers replaced before a model saw the text"), showRemoved(answer.removed));
}

function showRemoved(removed) {
  if (removed.length === 0) return el("p", { class: "quiet" }, "No identifier was replaced in these records.");
  const most = Math.max(...removed.map(([, count]) => count), 1);
  const rows = [...removed].sort(([, one], [, other]) => other - one).flatMap(([words, count]) => [
    el("dt", {}, words),
    el("dd", {}, svg("svg", { viewBox: "0 0 100 12", preserveAspectRatio: "none", "aria-hidden": "true" }, svg("rect", { class: "b-bar", width: ((count / most) * 100).toFixed(2), height: 12 }))),
    el("dd", { class: "num" }, grouped(count)),
  ]);
  return el("dl", { class: "removed" }, ...rows);
}

function showOfficer(answer) {
  if (answer.officer.length === 0) return null;
  const rows = answer.officer.slice(-100).map(({ seq, t, words }) => el("tr", {}, el("td", { class: "num" }, grouped(seq)), el("td", { class: "nowrap" }, readable(t)), el("td", {}, words)));
  const cut = answer.officer.length > 100 ? [el("p", { class: "small quiet" }, `Showing the newest 100 of ${answer.officer.length}.`)] : [];
  return section("Changes and orders", el("table", {}, tableHead("Record", "When", "What"), el("tbody", {}, ...rows)), ...cut);
}

function showNotShown(answer) {
  const ways = answer.notCovered.map((way) => el("li", {}, way));
  return section(
    "What this check does not show",
    el("p", {}, "Events that were never written, because the program was replaced, are not in the log. The following is not watched by Cordon:"),
    el("ul", { class: "ways" }, ...ways),
  );
}

/** For paper only: the code, and a place to sign. */
function showSign(answer) {
  const code = answer.code === "" ? [] : [el("p", {}, "Checkpoint code: ", el("span", { class: "mono" }, answer.code))];
  const lines = ["Name and office", "Date", "Signature"].map((words) => el("div", {}, words));
  const made = section("Signature", el("p", {}, "I checked this package with my own copy of the verifier and my own keys."), ...code, el("div", { class: "sign" }, ...lines));
  made.classList.add("print-only");
  return made;
}

/** The whole answer, but for the table of records and what can be saved. */
function showAnswer(answer) {
  const claims = answer.claims.map((text) => el("li", {}, readable(text)));
  const said = claims.length > 0 ? [el("h3", {}, "What may be said on this evidence"), el("ul", { class: "said" }, ...claims)] : [];
  return [
    showVerdict(answer),
    answer.demo === "" ? null : el("p", { class: "demo" }, answer.demo),
    section("What the check found", showCards(answer), el("h3", {}, "Checks that do not hold"), showFindings(answer), ...said, showChecks(answer)),
    answer.periods.length > 0 ? showCoverage(answer) : null,
    answer.opened && answer.reached ? showHappened(answer) : null,
  ].filter((part) => part !== null);
}

/** A page of the table of records: the columns a person reads first, the rest in the saved file. */
function showRows(given, open) {
  const place = Object.fromEntries(given.headers.map((name, number) => [name, number]));
  const rows = given.rows.map((cells) => {
    const cell = (name) => cells[place[name]];
    const button = el("button", { type: "button", "aria-label": `Open record ${cell("No")}` }, "Open");
    button.addEventListener("click", () => open(Number(cell("No"))));
    return el(
      "tr",
      {},
      el("td", { class: "num" }, cell("No")),
      el("td", { class: "nowrap" }, `${cell("Date")} ${cell("Time (local)")}`),
      el("td", {}, cell("Staff"), cell("Role") === "" ? null : el("span", { class: "small" }, cell("Role"))),
      el("td", {}, cell("Result"), cell("Reason") === "" ? null : el("span", { class: "small" }, cell("Reason"))),
      el("td", { class: "num" }, cell("Identifiers removed")),
      el("td", {}, cell("Prompt safety"), cell("Answer safety") === "" ? null : el("span", { class: "small" }, `answer ${cell("Answer safety")}`)),
      el("td", {}, cell("Network evidence").replace(/ \(record.*$/, "")),
      el("td", { class: "open" }, cell("Record state") === "complete" || cell("Record state").startsWith("no outcome") ? button : cell("Record state")),
    );
  });
  const head = tableHead("No.", "When (local)", "Staff", "Result", "Removed", "Safety", "Network", "Record");
  head.querySelectorAll("th")[7].className = "open";
  return el("table", {}, el("caption", { class: "hidden-input" }, "Requests and refusals"), head, el("tbody", {}, ...rows));
}
