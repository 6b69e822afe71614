// Stage 4: what the clear records say without any key - running time, clock, contents present, orders, changes.
// Gaps are not forgeries: a computer may fail. They are named so that somebody can say why.

import { hex, utf8 } from "./bytes.js";
import { isRefusal, parseNote, parseStatement, verifyStatement } from "./checkpoint.js";
import { blobName, hourOf, minutesOf, parseTime } from "./record.js";
import { sha256 } from "../vendor/crypto.js";

const MOST_APART_MS = 11 * 60_000;
const MOST_DRIFT_MS = 2 * 60_000;
const ORDERS = { T: "tombstone", P: "purge", V: "review" };
const ERASABLE = "RZB";
const DIGESTS = ["policy", "calibration", "model", "software", "config", "engine", "enrolment"];
const ACCESS = "access"; // who may ask is on record, too, but is the workstation's own business
const EACH = 512;

/** Run V10 to V14, V19 and V22; return {stretches, erased, purged}. */
export function* checkCoverage(log, board) {
  board.run(4);
  const found = { stretches: [], erased: new Set(), purged: new Set() };
  const marks = [...log.bodies].map(([seq, body]) => ({ seq, kind: log.entries[seq].kind, t: body.t, utc: parseTime(body.t), boot: body.boot, bootMs: body.boot_ms, body }));
  checkRunning(log, marks, found, board);
  checkClocks(log, marks, board);
  checkOrders(log, found, board);
  yield* checkPresent(log, found, board);
  checkChanges(log, marks, board);
  return found;
}

/** V11 for one record: the hour in the leaf is the hour of its time. */
export function checkClock(entry, t, board) {
  if (entry.hour !== hourOf(parseTime(t))) board.add("V11", "gap", { seq: entry.seq, a: 0, name: "hour" });
}

/** Whether an order says that this content is gone. */
export const isOrdered = (log, found, entry) => found.erased.has(entry.seq) || found.purged.has(log.chain.epochs[entry.epoch].month);

// --- running time

/** V10. S opens a run, X ends it; in between somebody writes at least every five minutes. */
function checkRunning(log, marks, found, board) {
  let before = null;
  let running = false;
  let starts = 0;
  for (const mark of marks) {
    if (mark.kind === "S") {
      checkStart(mark, before, starts, board);
      if (before !== null) addStretch(found, before, mark, running ? "crashed" : "off", board);
      running = true;
      starts = mark.body.start;
    } else if (before !== null && running && mark.boot === before.boot) checkBeat(found, before, mark, board);
    else board.add("V10", "gap", { seq: mark.seq, a: (before ?? mark).t, b: mark.t });
    running &&= mark.kind !== "X";
    before = mark;
  }
  const end = log.manifest.t;
  if (before === null) {
    board.add("V10", "gap", { a: 0, b: log.checkpoint.size - 1 });
    return;
  }
  const late = running && parseTime(end) - before.utc > MOST_APART_MS;
  if (late) board.add("V10", "gap", { seq: before.seq, a: before.t, b: end });
  found.stretches.push({ start: before.t, end, label: late ? "cut" : running ? "on" : "off" });
}

function checkStart(mark, before, starts, board) {
  const { start, prev } = mark.body;
  const clean = before === null || before.kind === "X" ? 1 : 0;
  if (start !== starts + 1 || prev.size !== mark.seq - 1 || prev.clean !== clean) {
    board.add("V10", "gap", { seq: mark.seq, a: (before ?? mark).t, b: mark.t, name: "start" });
  }
}

function addStretch(found, before, mark, label, board) {
  if (label === "crashed" || label === "cut") board.add("V10", "gap", { seq: mark.seq, a: before.t, b: mark.t });
  const last = found.stretches.at(-1);
  if (label === "on" && last?.label === "on" && last.end === before.t) found.stretches[found.stretches.length - 1] = { start: last.start, end: mark.t, label };
  else found.stretches.push({ start: before.t, end: mark.t, label });
}

function checkBeat(found, before, mark, board) {
  const asleep = mark.kind === "H" ? mark.body.asleep_ms : 0;
  const apart = mark.bootMs - before.bootMs;
  addStretch(found, before, mark, apart - asleep > MOST_APART_MS ? "cut" : asleep > 0 ? "asleep" : "on", board);
}

// --- clock

/** V11: wall clock against the clock of the boot, hours against times, nothing after the export. */
function checkClocks(log, marks, board) {
  const end = parseTime(log.manifest.t);
  let before = null;
  for (const mark of marks) {
    checkClock(log.entries[mark.seq], mark.t, board);
    if (before !== null && before.boot === mark.boot) {
      const drift = BigInt(mark.utc - before.utc) - (BigInt(mark.bootMs) - BigInt(before.bootMs));
      if (drift > MOST_DRIFT_MS || drift < -MOST_DRIFT_MS) board.add("V11", "gap", { seq: mark.seq, a: minutesOf(drift) });
    }
    if (mark.utc > end + MOST_DRIFT_MS) board.add("V11", "gap", { seq: mark.seq, a: minutesOf(mark.utc - end), name: "after export" });
    before = mark;
  }
  for (const epoch of log.chain.epochs) checkClock(log.entries[epoch.start], epoch.t, board);
}

// --- orders and contents

/** V14: T, P, V and approvals by the officer, about this log, of what may be ordered. */
function checkOrders(log, found, board) {
  for (const [seq, kind, text] of orderNotes(log)) {
    const order = statementOf(log, text, kind);
    if (order === null) board.add("V14", "fail", { seq });
    else if (kind === "tombstone") {
      if (order.seqs.some((number) => number >= seq || !ERASABLE.includes(log.entries[number].kind))) board.add("V14", "fail", { seq });
      for (const number of order.seqs) found.erased.add(number);
    } else if (kind === "purge" && order.blobs === "delete") found.purged.add(order.month);
  }
}

function statementOf(log, text, kind) {
  try {
    return verifyStatement(parseNote(utf8(text)), kind, log.trust.officer, log.origin);
  } catch (error) {
    if (isRefusal(error)) return null;
    throw error;
  }
}

function* orderNotes(log) {
  for (const [seq, body] of log.bodies) {
    const { kind } = log.entries[seq];
    if (Object.hasOwn(ORDERS, kind)) yield [seq, ORDERS[kind], body.note];
    else if (kind === "C" && Object.hasOwn(body, "approval")) yield [seq, "approval", body.approval];
  }
}

/** V13 and the second half of V14: every content is there, or an order says why not. */
function* checkPresent(log, found, board) {
  for (const entry of log.entries.slice(log.first, log.last + 1)) {
    if (entry.epoch === null) continue;
    if (entry.seq % EACH === 0) yield { stage: 4, done: entry.seq - log.first, total: log.last - log.first + 1 };
    const name = blobName(entry.digest);
    if (isOrdered(log, found, entry)) {
      if (log.files.has(name)) board.add("V14", "gap", { seq: entry.seq });
      continue;
    }
    const blob = log.files.content(name);
    if (blob === null || blob.length !== entry.length || log.files.digest(name) !== entry.digest) board.add("V13", "fail", { seq: entry.seq });
  }
}

// --- changes

/** V19 and V22: what runs changes only by a C, and only with the officer's word, given before or after. */
function checkChanges(log, marks, board) {
  const approved = approvals(log, marks);
  let state = null;
  let owed = new Map();
  for (const mark of marks) {
    if (mark.kind === "S") {
      const now = digestsOf(mark.body);
      if (state === null && !approved.has(`policy ${now.get("policy")}`)) board.add("V19", "gap", { seq: mark.seq, name: "policy" });
      state ??= new Map(now);
      owed = new Map(DIGESTS.filter((what) => now.get(what) !== state.get(what)).map((what) => [what, now.get(what)]));
      if (!approved.has(`software ${now.get("software")}`)) board.add("V22", "gap", { seq: mark.seq });
    } else if (mark.kind === "C" && !Object.hasOwn(mark.body, "approval")) {
      const { what, old, new: fresh } = mark.body;
      const broken = old !== (state?.get(what) ?? "") || take(owed, what, fresh) !== fresh;
      if (broken || (what !== ACCESS && !approved.has(`${what} ${fresh}`))) board.add("V19", "gap", { seq: mark.seq, name: what });
      state ??= new Map();
      state.set(what, fresh);
    } else if (mark.kind === "X") {
      for (const what of owed.keys()) board.add("V19", "gap", { seq: mark.seq, name: what });
    }
  }
}

function take(map, key, otherwise) {
  const value = map.get(key) ?? otherwise;
  map.delete(key);
  return value;
}

/** The digests of a start under the names a C uses; models and engine are folded into one digest each. */
function digestsOf({ policy, calibration, models, software, config, engine, enrolment }) {
  const digest = (text) => hex(sha256(utf8(text)));
  return new Map(Object.entries({ policy, calibration, model: digest(models.answer + models.guard), software: software.sha, config, engine: digest(engine), enrolment }));
}

function approvals(log, marks) {
  const approved = new Set();
  log.enrolments.forEach(({ policy, software }, number) => {
    for (const digest of policy) approved.add(`policy ${digest}`);
    for (const digest of software) approved.add(`software ${digest}`);
    approved.add(`enrolment ${log.files.digest(`notes/enrolment-${number}.note`)}`);
  });
  for (const { kind, body } of marks) {
    const statement = kind === "C" && Object.hasOwn(body, "approval") ? statementOf(log, body.approval, "approval") : null;
    if (statement !== null) approved.add(`${statement.what} ${statement.new}`);
  }
  return approved;
}

/** The statement inside a record that carries an officer's note, or null; for people to read. */
export function noteOf(body, kind) {
  try {
    return parseStatement(parseNote(utf8(body.note ?? body.approval ?? "")), kind);
  } catch (error) {
    if (isRefusal(error)) return null;
    throw error;
  }
}
