// Stage 5: open every record of the range, each in its own place, and hold it against its shape. Of each body only what
// later stages and the table of records need is kept, so that a long log fits; `openAgain` reads one record whole.

import { unb64 } from "./bytes.js";
import { checkClock } from "./coverage.js";
import { assess } from "./evidence.js";
import { blobName } from "./record.js";
import { NotOpenedError, Ratchet, ageDecrypt, ageStanzas, openRecord, unpad } from "./seal.js";
import { checkShape } from "./shapes.js";
import { MalformedError, loads } from "./strictjson.js";
import { segmentName } from "./structure.js";

const STANZA_TYPE = "mlkem768x25519";
const EVERY = 64;

/** Run V15, V23, V16 and V17; return {bodies: seq -> kept parts, secrets: epoch -> secret}. */
export function* checkContents(log, covered, keyring, board) {
  board.run(5);
  const opened = { bodies: new Map(), secrets: new Map() };
  const starts = startsOf(log);
  let ratchet = null;
  let number = -1;
  for (const entry of log.entries.slice(log.first, log.last + 1)) {
    if (entry.seq % EVERY === 0) yield { stage: 5, done: entry.seq - log.first, total: log.last - log.first + 1 };
    if (entry.epoch === null) continue;
    if (entry.epoch !== number) {
      number = entry.epoch;
      const secret = openSegment(log, number, covered, keyring, board);
      ratchet = secret === null ? null : new Ratchet(secret, log.origin, number);
      if (secret !== null) opened.secrets.set(number, secret);
    }
    const body = ratchet === null ? null : openEntry(log, entry, ratchet, board);
    if (body === null) continue;
    opened.bodies.set(entry.seq, keep(entry, body, starts));
    checkClock(entry, body.t, board);
  }
  return opened;
}

/** Open a segment file; return its secret, or null. */
function openSegment(log, number, covered, keyring, board) {
  const epoch = log.chain.epochs[number];
  const data = log.files.content(segmentName(number));
  try {
    if (data !== null && ageStanzas(data).join() !== STANZA_TYPE) throw new MalformedError("stanzas");
    if (data === null) throw new NotOpenedError("absent");
    const body = loads(ageDecrypt(keyring.identities(epoch.month), data));
    checkShape("files", "segment", body);
    if (body.origin !== log.origin || body.seg !== number || body.from_seq !== epoch.start) throw new MalformedError("another segment");
    return unb64(body.k);
  } catch (error) {
    if (error instanceof MalformedError) board.add("V23", "fail", { a: number });
    else if (!(error instanceof NotOpenedError)) throw error;
    else if (!covered.purged.has(epoch.month)) board.add("V15", "unknown", { name: epoch.month });
    return null;
  }
}

function openEntry(log, entry, ratchet, board) {
  const blob = log.files.content(blobName(entry.digest));
  const key = ratchet.keyOf(entry.index);
  if (blob === null) return null; // V13 has judged why
  try {
    return readBody(entry, key, blob);
  } catch (error) {
    if (error instanceof NotOpenedError) board.add("V16", "fail", { seq: entry.seq });
    else if (error instanceof MalformedError) board.add("V17", "fail", { seq: entry.seq });
    else throw error;
    return null;
  }
}

function readBody(entry, key, blob) {
  const body = loads(unpad(openRecord(key, entry, blob)));
  checkShape("records", entry.kind, body);
  return body;
}

/** Read one record whole, for a person who asks for it. */
export function openAgain(log, opened, seq) {
  const entry = log.entries[seq];
  if (entry.epoch === null) return log.bodies.get(seq) ?? null;
  const secret = opened.secrets.get(entry.epoch);
  if (secret === undefined || !opened.bodies.has(seq)) return null;
  return readBody(entry, new Ratchet(secret, log.origin, entry.epoch).keyOf(entry.index), log.files.content(blobName(entry.digest)));
}

/** The starts before each record tell which lock filters to expect; the first E of a run is what later ones are held against. */
function startsOf(log) {
  const seqs = [...log.bodies.keys()].filter((seq) => log.entries[seq].kind === "S");
  let next = 0;
  let run = { filters: {}, first: null };
  return {
    upTo(seq) {
      for (; next < seqs.length && seqs[next] < seq; next++) run = { filters: log.bodies.get(seqs[next]).filters, first: null };
      return run;
    },
  };
}

function keep({ seq, kind }, body, starts) {
  return kind === "E" ? keepEvidence(body, starts.upTo(seq)) : KEPT[kind](body);
}

function keepEvidence(body, run) {
  run.first ??= body.why === "start" ? { procs: body.procs, counters: body.counters } : null;
  const { t, boot, boot_ms, why, level, window } = body;
  const controls = body.procs.reduce((sum, proc) => sum + proc.controls.length, 0);
  return { t, boot: intern(boot), boot_ms, why, level, window, controls, reasons: assess(body, run.filters, run.first ?? body).map(intern) };
}

const KEPT = {
  R: ({ t, boot, boot_ms, tick, caller, subject, purpose, policy, redact, safety, model }) => ({
    ...dated(t, boot, boot_ms, tick),
    caller: keepCaller(caller),
    subject: subject && { ref: intern(subject.ref) },
    purpose: intern(purpose),
    policy: intern(policy),
    redact: { counts: redact.counts },
    safety: keepSafety(safety),
    model: { id: intern(model.id), sha: intern(model.sha) },
  }),
  Z: ({ t, boot, boot_ms, tick, of, result, code, out, safety, dur_ms }) => ({
    ...dated(t, boot, boot_ms, tick),
    of,
    result: intern(result),
    code: code && intern(code),
    out: { released: out.released },
    safety: keepSafety(safety),
    dur_ms,
  }),
  B: ({ t, boot, boot_ms, tick, caller, subject, stage, code, rule, count, policy, redact, safety }) => ({
    ...dated(t, boot, boot_ms, tick),
    caller: keepCaller(caller),
    subject: subject && { ref: intern(subject.ref) },
    stage: intern(stage),
    code: intern(code),
    rule: rule && intern(rule),
    count,
    policy: intern(policy),
    redact: redact && { counts: redact.counts },
    safety: safety && keepSafety(safety),
  }),
};

const dated = (t, boot, boot_ms, tick) => ({ t, boot: intern(boot), boot_ms, tick });
const keepCaller = ({ id, role }) => ({ id: intern(id), role: role && intern(role) });
const keepSafety = ({ verdict, rule }) => ({ verdict: intern(verdict), rule: rule && intern(rule) });

// The same few texts stand in every record; one copy of each is enough.
const interned = new Map();

function intern(text) {
  if (!interned.has(text)) {
    if (interned.size > 10_000) interned.clear();
    interned.set(text, text);
  }
  return interned.get(text);
}
