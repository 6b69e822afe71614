// Stages 2 and 3: whose log is it, is the tree whole, did each key sign only in its time, is there one history?
// Nothing here needs a key that opens records. Everything later rests on it, so a failure here ends the examination.

import { b64, hex, sameBytes, utf8 } from "./bytes.js";
import { KeyChain, Order } from "./chain.js";
import { BadSignatureError, checkpointCode, isRefusal, parseCheckpoint, parseNote, parseVkey, verifyCosignature, verifyStatement } from "./checkpoint.js";
import { MANIFEST, MANIFEST_NOTE } from "./package.js";
import { isSealed, parseEntry } from "./record.js";
import { checkShape } from "./shapes.js";
import { MalformedError, loads } from "./strictjson.js";
import { FullTree, leafHash, readBundle, tileNames, tilePath } from "./tree.js";
import { sha256 } from "../vendor/crypto.js";

export const CHECKPOINT = "log/checkpoint";
const MAX_TAIL = 512;
const WIDTH_OF_BUNDLE = 256;
const ENROLMENT = /^notes\/enrolment-(0|[1-9][0-9]*)\.note$/;
const PAPER = /^(0|[1-9][0-9]{0,15})-([0-9a-f]{4}(?:-[0-9a-f]{4}){4})$/;

/** Run V02: every enrolment by the officer the user named, one origin everywhere. Returns the log, or null. */
export function checkIdentity(files, manifest, trust, board) {
  board.run(2);
  try {
    const point = parseCheckpoint(parseNote(files.content(CHECKPOINT) ?? new Uint8Array()).text);
    const enrolments = readEnrolments(files, trust, point.origin);
    if (manifest.origin !== point.origin) throw new BadSignatureError("another origin");
    const chain = new KeyChain(point.origin, parseVkey(enrolments[0].epoch0));
    return {
      files, manifest, trust, enrolments, origin: point.origin, chain, checkpoint: point,
      leaves: [], entries: [], bodies: new Map(), tree: null, fixed: [], first: manifest.from, last: manifest.to,
    };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    board.add("V02", "fail");
    return null;
  }
}

function readEnrolments(files, trust, origin) {
  const found = files.names.map((name) => [ENROLMENT.exec(name), name]).filter(([match]) => match !== null);
  const named = new Map(found.map(([match, name]) => [Number(match[1]), name]));
  const numbers = [...named.keys()].sort((one, other) => one - other);
  const bodies = numbers.map((number) => {
    const note = parseNote(files.content(named.get(number)) ?? new Uint8Array());
    return verifyStatement(note, "enrolment", trust.officer, origin);
  });
  if (bodies.length === 0 || numbers.some((number, place) => number !== place)) throw new MalformedError("an enrolment is missing");
  const same = ({ officer, witness, epoch0 }) => officer === trust.officer.text && witness === trust.witness.text && epoch0 === bodies[0].epoch0;
  if (!bodies.every(same)) throw new BadSignatureError("another officer, or another first key");
  return bodies;
}

/** Run V03 to V09. `anchors`: {book: [bytes], paper: [text]}. */
export function* checkStructure(log, anchors, board) {
  board.run(3);
  yield* readEntries(log, board);
  yield* checkTree(log, board);
  if (board.broken()) return;
  checkChain(log, board);
  if (log.chain.epochs.length === 0) {
    board.add("V03", "fail");
    return;
  }
  checkSeal(log, board);
  checkClosing(log, readCheckpoints(log, board), board);
  checkAnchors(log, anchors, board);
}

function* readEntries(log, board) {
  const { size } = log.checkpoint;
  const most = log.files.names.filter((name) => name.startsWith("log/tile/entries/")).length * WIDTH_OF_BUNDLE;
  if (size > most) {
    // A size nobody has verified yet must not decide how long we work.
    board.add("V05", "fail", { a: most, b: size - 1 });
    return;
  }
  const order = new Order();
  for (const name of tileNames(size)) {
    if (name.level >= 0) break;
    yield { stage: 3, done: log.leaves.length, total: 2 * size };
    const leaves = bundleOf(log, name);
    if (leaves.length !== name.width) board.add("V05", "fail", { a: log.leaves.length + leaves.length, b: name.number * WIDTH_OF_BUNDLE + name.width - 1 });
    for (const leaf of leaves.slice(0, name.width)) readEntry(log, leaf, order, board);
  }
}

function bundleOf(log, name) {
  try {
    return readBundle(log.files.content(`log/${tilePath(name)}`) ?? new Uint8Array());
  } catch (error) {
    if (error instanceof MalformedError) return [];
    throw error;
  }
}

function readEntry(log, leaf, order, board) {
  const seq = log.leaves.length;
  log.leaves.push(leaf);
  let entry;
  try {
    entry = parseEntry(leaf);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    board.add("V05", "fail", { seq, a: seq, b: seq });
    return;
  }
  if (!order.feed(entry)) {
    board.add("V05", "fail", { seq, a: order.seq, b: entry.seq });
    order.skip(entry);
  }
  log.entries.push(entry);
  if (isSealed(entry.kind) || entry.kind === "K") return;
  try {
    const body = loads(entry.body);
    checkShape("records", entry.kind, body);
    log.bodies.set(seq, body);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    board.add("V17", "fail", { seq });
  }
}

function* checkTree(log, board) {
  const { size, root } = log.checkpoint;
  if (log.leaves.length !== size) {
    if (!board.broken()) board.add("V05", "fail", { a: log.leaves.length, b: size - 1 });
    return;
  }
  const hashes = new Uint8Array(size * 32);
  for (let seq = 0; seq < size; seq++) {
    if (seq % WIDTH_OF_BUNDLE === 0) yield { stage: 3, done: size + seq, total: 2 * size };
    hashes.set(leafHash(log.leaves[seq]), seq * 32);
  }
  log.tree = new FullTree(hashes);
  for (const name of tileNames(size)) {
    if (name.level < 0) continue;
    const stored = log.files.content(`log/${tilePath(name)}`);
    const computed = log.tree.tile(name);
    if (stored === null || !sameBytes(stored, computed)) board.add("V04", "fail", { seq: differenceOf(stored, computed, name) });
  }
  if (!sameBytes(log.tree.rootAt(size), root)) board.add("V04", "fail", { name: "root" });
}

/** The number of the first record below the first hash that differs. */
function differenceOf(stored, computed, { number, level }) {
  let place = 0;
  const hashOf = (tile) => tile.subarray(place * 32, place * 32 + 32);
  while (stored !== null && hashOf(computed).length > 0 && sameBytes(hashOf(stored), hashOf(computed))) place += 1;
  return (number * WIDTH_OF_BUNDLE + place) * 256 ** level;
}

function checkChain(log, board) {
  for (const entry of log.entries) {
    if (entry.kind !== "K") continue;
    const epoch = log.chain.feed(entry, log.tree.rootAt(entry.seq));
    if (epoch === null) {
      board.add("V06", "fail", { seq: entry.seq });
      return;
    }
    const name = segmentName(epoch.number);
    if (log.files.content(name) !== null && log.files.digest(name) !== epoch.seg) board.add("V06", "fail", { seq: entry.seq, name: "segment" });
  }
}

export const segmentName = (number) => `seg/${String(number).padStart(6, "0")}.age`;

/** V03: newest checkpoint and manifest by known keys, about the same tree. */
function checkSeal(log, board) {
  const { files, manifest, checkpoint } = log;
  try {
    log.chain.signerOf(parseNote(files.content(CHECKPOINT)));
    const named = verifyStatement(parseNote(files.content(MANIFEST_NOTE)), "manifest", log.chain.epochs.at(-1).key, log.origin);
    const data = files.content(MANIFEST);
    if (named.sha !== hex(sha256(data)) || named.size !== data.length) throw new BadSignatureError("another manifest");
    if (manifest.size !== checkpoint.size || manifest.root !== b64(checkpoint.root)) throw new BadSignatureError("another size");
  } catch (error) {
    if (!isRefusal(error)) throw error;
    board.add("V03", "fail");
  }
}

function* keptCheckpoints(log) {
  for (const name of log.files.names) {
    if (name === CHECKPOINT || name.startsWith("log/checkpoints/")) yield [name, log.files.content(name) ?? new Uint8Array()];
  }
  yield* anchorRecords(log);
}

function* anchorRecords(log) {
  for (const [seq, body] of log.bodies) if (log.entries[seq].kind === "A") yield [`record ${seq}`, utf8(body.note)];
}

/** Run the range rule (V07) and V09 over all checkpoints; return the largest size each epoch signed. */
function readCheckpoints(log, board) {
  const largest = new Map();
  for (const [name, data] of keptCheckpoints(log)) {
    let note;
    let point;
    let epoch;
    try {
      note = parseNote(data);
      point = parseCheckpoint(note.text);
      epoch = log.chain.signerOf(note);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      board.add("V03", "fail", { name });
      continue;
    }
    if (!log.chain.inRange(note, epoch)) board.add("V07", "fail", { seq: point.size, name });
    else if (point.size > log.checkpoint.size || !sameBytes(point.root, log.tree.rootAt(point.size))) board.add("V09", "fail", { a: point.size, name });
    else largest.set(epoch.number, Math.max(point.size, largest.get(epoch.number) ?? 0));
  }
  return largest;
}

/** V07, closing rule: a closed epoch is signed to its end by its own key, but for the short tail of a crash. */
function checkClosing(log, largest, board) {
  for (const epoch of log.chain.epochs.slice(0, -1)) {
    const end = log.chain.endOf(epoch.number);
    const size = largest.get(epoch.number) ?? epoch.start;
    if (size === end) continue;
    const tail = log.entries.slice(size, end);
    const honest = tail.length <= MAX_TAIL && tail.filter(({ kind }) => kind === "H").length <= 1;
    board.add("V07", honest ? "gap" : "fail", { seq: size, a: size, b: end - 1 });
  }
}

/** V08: whoever looked before must find the same history now. */
function checkAnchors(log, anchors, board) {
  const outside = anchors.book.map((data, place) => [`anchor ${place + 1}`, data]);
  for (const [name, data] of [...outside, ...anchorRecords(log)]) {
    let point;
    let posix;
    try {
      const note = parseNote(data);
      posix = verifyCosignature(note, log.trust.witness);
      point = parseCheckpoint(note.text);
    } catch (error) {
      if (isRefusal(error)) continue; // a note the trusted witness did not sign fixes nothing
      throw error;
    }
    if (point.origin === log.origin) hold(log, point, posix, name, board);
  }
  for (const code of anchors.paper) holdPaper(log, code.trim().toLowerCase(), board);
}

function hold(log, point, posix, name, board) {
  if (point.size > log.checkpoint.size) board.add("V08", "fail", { a: log.checkpoint.size - 1, name });
  else if (!sameBytes(log.tree.rootAt(point.size), point.root)) board.add("V08", "fail", { name });
  else log.fixed.push({ size: point.size, posix });
}

function holdPaper(log, code, board) {
  const match = PAPER.exec(code);
  if (match === null) {
    board.add("V08", "unknown", { name: "a code that cannot be read" });
    return;
  }
  const size = Number(match[1]);
  if (size > log.checkpoint.size) board.add("V08", "fail", { a: log.checkpoint.size - 1, name: "paper" });
  else if (checkpointCode({ size, root: log.tree.rootAt(size) }) !== code) board.add("V08", "fail", { name: "paper" });
  else log.fixed.push({ size, posix: null });
}
