// One row per exchange, in words: the table of the page and records.csv, cell for cell what the command line writes.
// An exchange is a request with its outcome, or a refusal before a model. No cell holds a code without words.

import { shortCode, unhex } from "./bytes.js";
import { parseTime } from "./record.js";
import { REASONS, WORDS } from "./tables.js";
import { leafHash } from "./tree.js";

export const HEADERS = [
  "No", "Date", "Time (local)", "Time (UTC)", "Workstation", "Staff", "Role", "Patient reference", "Purpose",
  "Result", "Reason", "Identifiers removed", "Names", "Identity numbers", "Contact data", "Dates",
  "Other identifiers", "Prompt safety", "Answer safety", "Model", "Policy", "Answer characters", "Duration (s)",
  "Network evidence", "Record state", "Record code",
];
const GROUPS = ["names", "identity", "contact", "dates", "other"];
const ACTIVE = /^\s*[=+\-@＝＋－＠]|^[\t\r\n]|^\s*[\t\r\n]/;

/** The words of a code, or the code where there are none. */
export const word = (table, code) => WORDS[table][code] ?? code;

/** What a kind of identifier is. */
export const kindWords = (kind) => WORDS.kinds[kind]?.[1] ?? kind;

const groupOf = (kind) => WORDS.kinds[kind]?.[0] ?? (kind[2] === "_" ? "identity" : "other");

/** The last part of an origin. */
export const workstation = (origin) => origin.slice(origin.lastIndexOf("/") + 1);

/** Pair requests with their outcomes, in the order of the log: [{seq, kind, result, state, begin, outcome, level, hour}]. */
export function exchangesOf({ log, opened, covered, ends }) {
  const { bodies } = opened;
  const outcomes = new Map();
  for (const [seq, body] of bodies) if (log.entries[seq].kind === "Z" && !outcomes.has(body.of)) outcomes.set(body.of, { seq, body });
  const exchanges = [];
  for (const entry of log.entries.slice(log.first, log.last + 1)) {
    if (entry.kind !== "R" && entry.kind !== "B") continue;
    const { seq, kind, hour } = entry;
    const outcome = kind === "R" ? outcomes.get(seq) : undefined;
    const begin = bodies.get(seq);
    const level = begin === undefined ? "" : levelOf(log, bodies, begin.tick);
    const [result, state] = begin === undefined ? lostAs(log, covered, entry, outcome) : endedAs(kind, outcome, ends.get(seq));
    exchanges.push({ seq, kind, hour, result, state, begin, outcome: outcome?.body, level });
  }
  return exchanges;
}

function levelOf(log, bodies, tick) {
  const evidence = bodies.get(tick);
  if (evidence === undefined || log.entries[tick].kind !== "E") return "";
  return evidence.reasons.length > 0 ? "E0" : "E1";
}

function lostAs(log, covered, { seq, epoch }, outcome) {
  const purged = covered.purged.has(log.chain.epochs[epoch].month);
  const why = covered.erased.has(seq) ? "erased" : purged ? "purged" : "unreadable";
  return [outcome?.body.result ?? why, why];
}

function endedAs(kind, outcome, end) {
  if (kind === "B") return ["blocked", "complete"];
  if (outcome !== undefined) return [outcome.body.result, "complete"];
  return end === "interrupted" ? ["interrupted", "interrupted"] : ["open", "open"];
}

/** The cells of one exchange, in the order of the headers. */
export function cellsOf(exchange, log) {
  const { seq, begin, outcome, level, state } = exchange;
  const groups = Object.fromEntries(GROUPS.map((group) => [group, 0]));
  const removed = Object.entries(begin?.redact?.counts ?? {});
  for (const [kind, count] of removed) groups[groupOf(kind)] += count;
  const counted = GROUPS.map((group) => groups[group]);
  const { model } = begin ?? {};
  return [
    seq,
    ...timesOf(exchange),
    workstation(log.origin),
    begin?.caller.id ?? "",
    begin?.caller.role ?? "",
    begin?.subject?.ref ?? "",
    word("purposes", begin?.purpose ?? ""),
    word("results", exchange.result),
    reasonOf(exchange),
    ...(begin?.redact === undefined ? Array(6).fill("") : [counted.reduce((sum, count) => sum + count, 0), ...counted]),
    word("verdicts", begin?.safety?.verdict ?? ""),
    word("verdicts", outcome?.safety.verdict ?? ""),
    model === undefined ? "" : `${model.id} (${shortCode(unhex(model.sha))})`,
    begin === undefined ? "" : shortCode(unhex(begin.policy)),
    outcome === undefined ? "" : outcome.out.released,
    outcome === undefined ? "" : seconds(outcome.dur_ms),
    level === "" ? "" : `${word("levels", level)} (record ${begin.tick})`,
    word("states", state),
    shortCode(leafHash(log.leaves[seq])),
  ];
}

/** Seconds with a point in them, as the command line writes them; still a number for a spreadsheet. */
function seconds(ms) {
  const value = ms / 1000;
  return new Plain(Number.isInteger(value) ? value.toFixed(1) : String(value));
}

/** A number that is already spelled: the defence against formulas does not touch it. */
class Plain {
  constructor(text) {
    this.text = text;
  }

  toString() {
    return this.text;
  }
}

/** Date, local time and UTC time; of an erased record only the UTC hour is left. */
function timesOf({ begin, hour }) {
  if (begin === undefined) return [hour.slice(0, 10), "", `${hour.slice(0, 10)} hour ${hour.slice(11, 13)}`];
  const utc = new Date(parseTime(begin.t)).toISOString();
  return [begin.t.slice(0, 10), `${begin.t.slice(11, 19)} ${begin.t.slice(-6)}`, `${utc.slice(0, 10)} ${utc.slice(11, 19)}`];
}

function reasonOf({ kind, begin, outcome }) {
  const code = outcome?.code || begin?.code || "";
  const rule = (kind === "B" ? begin?.rule : outcome?.safety.rule) ?? "";
  const parts = code === "" ? [] : [REASONS[code] ?? code];
  if (kind === "B" && begin !== undefined) parts.push(`Stopped at: ${word("stages", begin.stage)}.`);
  if (rule !== "") parts.push(`Rule ${rule}.`);
  if ((begin?.count ?? 1) > 1) parts.push(`${begin.count} times.`);
  return parts.join(" ");
}

/** UTF-8 with BOM, CRLF, RFC 4180; a text that a spreadsheet would run as a formula gets an apostrophe. */
export function* csvLines(exchanges, log) {
  yield `\ufeff${HEADERS.join(",")}\r\n`;
  for (const exchange of exchanges) yield `${cellsOf(exchange, log).map(csvCell).join(",")}\r\n`;
}

/** One cell of the file. */
export function csvCell(cell) {
  const text = typeof cell === "string" && ACTIVE.test(cell) ? `'${cell}` : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
