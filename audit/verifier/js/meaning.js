// Stage 6: what the opened records mean - network evidence, requests and their outcomes, totals.
// Levels are computed from the facts of each E record, never read; totals are recounted here and nowhere stored.

import { compareText } from "./bytes.js";
import { minutesOf, parseTime } from "./record.js";
import { MAX_INT } from "./strictjson.js";

const MOST_UNSEEN_MS = 30 * 60_000;
const MAY_BE_OPEN_MS = 10 * 60_000;
const JOINED_MS = 1000;
const FAILED = ["failed", "cancelled", "timeout"];

/** Run V18, V20, V21 and V25; return {minutes, totals, spans, reasons, ends: seq of R -> how it ended}. */
export function checkMeaning(log, covered, bodies, board) {
  board.run(6);
  const evidence = readWindows(log, bodies, board);
  const minutes = countMinutes(log, covered, evidence.windows, board);
  checkTicks(log, bodies, board);
  const { totals, ends } = countTotals(log, covered, bodies, board);
  return { minutes, totals, ends, spans: evidence.spans, reasons: evidence.reasons };
}

// --- evidence

/** Take the level of every E record from its facts. */
function readWindows(log, bodies, board) {
  const windows = [];
  const spans = [];
  const reasons = new Set();
  for (const [seq, body] of bodies) {
    if (log.entries[seq].kind !== "E") continue;
    const level = body.reasons.length > 0 ? "E0" : "E1";
    if (body.level === "E1" && level !== "E1") board.add("V18", "gap", { seq, name: "level" });
    for (const reason of body.reasons) reasons.add(reason);
    const { from, to } = body.window;
    windows.push({ start: parseTime(from), end: parseTime(to), level });
    if (level === "E1") extend(spans, from, to, body.controls);
  }
  windows.sort((one, other) => one.start - other.start);
  const lasting = spans.filter(([from, to]) => from !== to);
  return { windows, spans: lasting.length > 0 ? lasting : spans, reasons: [...reasons] };
}

/** Join a window to the stretch it continues, or begin a new one: no sentence may span what nobody measured. */
function extend(spans, from, to, controls) {
  const last = spans.at(-1);
  const apart = last === undefined ? -1 : parseTime(from) - parseTime(last[1]);
  if (apart >= 0 && apart <= JOINED_MS) spans[spans.length - 1] = [last[0], to, last[2] + controls];
  else spans.push([from, to, controls]);
}

/** V18: every running stretch lies under windows; what does not is a gap. Off time is what remains. */
function countMinutes(log, covered, windows, board) {
  const [first, last] = spanOf(log);
  const spent = { E0: 0, E1: 0, gap: 0 };
  const unseen = (stretch, length) => {
    spent.gap += length;
    if (length > MOST_UNSEEN_MS) board.add("V18", "gap", { a: stretch.start, b: stretch.end });
  };
  for (const stretch of covered.stretches) {
    let place = Math.max(parseTime(stretch.start), first);
    const end = Math.min(parseTime(stretch.end), last);
    if (stretch.label === "off" || place >= end) continue;
    for (const window of windows) {
      const [start, stop] = [Math.max(window.start, place), Math.min(window.end, end)];
      if (start >= stop) continue;
      unseen(stretch, start - place);
      spent[window.level] += stop - start;
      place = stop;
    }
    unseen(stretch, end - place);
  }
  return Object.fromEntries(Object.entries(spent).map(([name, ms]) => [name, minutesOf(ms)]));
}

/** The time between the clear records around the range. */
function spanOf(log) {
  const all = [...log.bodies].map(([seq, body]) => [seq, parseTime(body.t)]);
  const before = all.filter(([seq]) => seq < log.first).slice(-1);
  const inside = all.filter(([seq]) => seq >= log.first && seq <= log.last);
  const after = all.filter(([seq]) => seq > log.last).slice(0, 1);
  const times = [...before, ...inside, ...after].map(([, utc]) => utc);
  const ends = log.last === log.checkpoint.size - 1 ? [...times, parseTime(log.manifest.t)] : times;
  const pick = (values, better) => values.reduce((best, value) => (best === null || better(value, best) ? value : best), null) ?? 0;
  return [pick(times, (value, best) => value < best), pick(ends, (value, best) => value > best)];
}

/** V20: each exchange names the newest evidence before it, not older than two intervals. */
function checkTicks(log, bodies, board) {
  let newest = null;
  for (const entry of log.entries.slice(0, log.last + 1)) {
    if (entry.kind === "E") newest = entry.seq;
    const body = "RZB".includes(entry.kind) ? bodies.get(entry.seq) : undefined;
    if (body === undefined) continue;
    const old = newest !== null && newest >= log.first && isOld(body, bodies.get(newest));
    if (body.tick !== newest || old) board.add("V20", "gap", { seq: entry.seq });
  }
}

const isOld = (body, evidence) => evidence === undefined || evidence.boot !== body.boot || body.boot_ms - evidence.boot_ms > MOST_UNSEEN_MS;

// --- requests

/** V25 and V21. */
function countTotals(log, covered, bodies, board) {
  const span = log.entries.slice(log.first, log.last + 1);
  const kinds = tally(span.map(({ kind }) => kind));
  const lost = span.filter(({ seq, epoch }) => epoch !== null && !bodies.has(seq));
  const outcomes = new Map();
  for (const { seq, kind } of span) if (kind === "Z" && bodies.has(seq)) pair(seq, bodies.get(seq), log, outcomes, board);
  const open = openRequests(log, bodies);
  const ends = new Map(span.filter(({ kind }) => kind === "R").map(({ seq }) => [seq, endOf(seq, outcomes, bodies, open, board)]));
  const counted = tally([...ends.values()]);
  const blocked = sumOf(span.map(({ seq, kind }) => (kind === "B" ? (bodies.get(seq)?.count ?? 0) : 0)));
  const removed = new Map();
  for (const body of bodies.values()) for (const [kind, count] of Object.entries(body.redact?.counts ?? {})) removed.set(kind, sumOf([removed.get(kind) ?? 0, count]));
  const gone = lost.filter(({ seq }) => covered.erased.has(seq));
  const purged = lost.filter(({ seq, epoch }) => !covered.erased.has(seq) && covered.purged.has(log.chain.epochs[epoch].month));
  const sealed = ["R", "Z", "B", "E"].reduce((sum, kind) => sum + (kinds.get(kind) ?? 0), 0);
  const absurd = [blocked, ...removed.values()].some((value) => value > MAX_INT);
  if (absurd || ends.size !== (kinds.get("R") ?? 0) || bodies.size + lost.length !== sealed) board.add("V21", "fail");
  const count = (name) => counted.get(name) ?? 0;
  const removedInOrder = Object.create(null);
  for (const kind of [...removed.keys()].sort(compareText)) removedInOrder[kind] = Math.min(removed.get(kind), MAX_INT);
  const totals = {
    records: span.length,
    requests: kinds.get("R") ?? 0,
    answered: count("ok"),
    refused: count("refused"),
    failed: count("failed"),
    interrupted: count("interrupted"),
    blocked: Math.min(blocked, MAX_INT),
    flagged: [...bodies.values()].filter((body) => body.safety?.verdict === "flag").length,
    erased: gone.length,
    purged: purged.length,
    removed: removedInOrder,
  };
  return { totals, ends };
}

function tally(names) {
  const counts = new Map();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** A sum that stays above the largest safe number once it passed it. */
const sumOf = (values) => values.reduce((sum, value) => (sum + value > MAX_INT ? MAX_INT + 1 : sum + value), 0);

/** Put a Z to its R; a second one, or one before it, belongs nowhere. */
function pair(seq, body, log, outcomes, board) {
  if (body.of >= seq || log.entries[body.of].kind !== "R" || outcomes.has(body.of)) board.add("V25", "gap", { seq, name: "outcome" });
  else outcomes.set(body.of, body);
}

/** How a request ended; one that nobody closed was interrupted, unless it may still be running. */
function endOf(seq, outcomes, bodies, mayBeOpen, board) {
  if (outcomes.has(seq)) return FAILED.includes(outcomes.get(seq).result) ? "failed" : outcomes.get(seq).result;
  if (!bodies.has(seq)) return "unreadable";
  if (mayBeOpen(seq)) return "open";
  board.add("V25", "gap", { seq });
  return "interrupted";
}

/** Whether the outcome may lie beyond what we see: the last ten minutes, if the process did not end in them. */
function openRequests(log, bodies) {
  const ended = log.entries.slice(0, log.last + 1).findLast(({ kind }) => kind === "X" || kind === "S")?.seq ?? -1;
  const whole = log.last === log.checkpoint.size - 1;
  let end = whole ? parseTime(log.manifest.t) : 0;
  if (!whole) for (const body of bodies.values()) end = Math.max(end, parseTime(body.t));
  return (seq) => seq > ended && end - parseTime(bodies.get(seq).t) <= MAY_BE_OPEN_MS;
}
