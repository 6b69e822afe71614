// Signed notes (C2SP signed-note), statements, checkpoints (tlog-checkpoint) and anchors (tlog-cosignature).
// A known key that fails spoils the whole note, a note no known key signed is worth nothing, unknown keys are ignored.

import { b64, concat, fromUtf8, hex, sameBytes, shortCode, u64, unb64, utf8 } from "./bytes.js";
import { checkShape } from "./shapes.js";
import { MAX_INT, MalformedError, loads } from "./strictjson.js";
import { ed25519, sha256, sha512 } from "../vendor/crypto.js";

export const NOTE = 1;
export const WITNESS = 4;
const MAX_TEXT = 128 * 1024;
const MAX_SIGNATURES = 16;
const LAST_S = 253_402_300_799; // the end of year 9999
const SIGNATURE = /^— ([^+ \x00-\x20]+) ([A-Za-z0-9+/]+={0,2})$/;
const CHECKPOINT_TEXT = /^([^\n]+)\n(0|[1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)\n$/;
const STATEMENT = /^cordon1\/([a-z-]{1,32})\n(\{[^\n]*\})\n$/;

/** A signature by a known key is wrong, or no known key signed. */
export class BadSignatureError extends Error {}

/** True for what an honest reader answers "no" to; everything else is a fault of ours and must surface. */
export const isRefusal = (error) => error instanceof MalformedError || error instanceof BadSignatureError;

// --- keys

/** Read `name+hex(keyid)+base64(type || key)`; the key id in it must be the right one. */
export function parseVkey(text) {
  const [name, id, ...rest] = text.split("+");
  const raw = rest.length > 0 ? unb64(rest.join("+")) : new Uint8Array();
  if (raw.length !== 33 || (raw[0] !== NOTE && raw[0] !== WITNESS)) throw new MalformedError("vkey");
  const key = makeVkey(name, raw[0], raw.subarray(1));
  if (key.text !== text || key.id !== id) throw new MalformedError("vkey");
  return key;
}

export function makeVkey(name, type, key) {
  const id = hex(sha256(concat(utf8(name), Uint8Array.of(0x0a, type), key)).subarray(0, 4));
  return { name, type, key, id, text: `${name}+${id}+${b64(concat(Uint8Array.of(type), key))}` };
}

/**
 * Verify as RFC 8032 (5.1.7) without the cofactor, the check OpenSSL makes: s below the group order, and the bytes of
 * [s]B - [h]A equal to R. Both verifiers must say the same also of signatures that only their own signer can bend.
 */
export function verifySignature(vkey, message, signature) {
  const { Point } = ed25519;
  if (signature.length !== 64) throw new BadSignatureError(vkey.name);
  const s = littleEndian(signature.subarray(32));
  if (s >= Point.Fn.ORDER) throw new BadSignatureError(vkey.name);
  let point;
  try {
    point = Point.fromBytes(vkey.key, true);
  } catch {
    throw new BadSignatureError(vkey.name);
  }
  const challenge = littleEndian(sha512(concat(signature.subarray(0, 32), vkey.key, message))) % Point.Fn.ORDER;
  const expected = Point.BASE.multiplyUnsafe(s).subtract(point.multiplyUnsafe(challenge));
  if (!sameBytes(expected.toBytes(), signature.subarray(0, 32))) throw new BadSignatureError(vkey.name);
}

function littleEndian(bytes) {
  return BigInt(`0x${hex(Uint8Array.from(bytes).reverse())}`);
}

// --- notes and statements

/** Split a note into text and signature lines; form only. */
export function parseNote(data) {
  const full = fromUtf8(data);
  const end = full.lastIndexOf("\n\n");
  const lines = full.slice(end + 2);
  if (end < 0 || !lines.endsWith("\n") || data.length > MAX_TEXT) throw new MalformedError("note");
  if (/[\x00-\x09\x0b-\x1f]/.test(full)) throw new MalformedError("control character in a note");
  const rows = lines.slice(0, -1).split("\n");
  if (rows.length > MAX_SIGNATURES) throw new MalformedError("too many signatures");
  return { text: `${full.slice(0, end)}\n`, signatures: rows.map(parseSignature) };
}

function parseSignature(row) {
  const match = SIGNATURE.exec(row);
  const raw = match === null ? new Uint8Array() : unb64(match[2]);
  if (raw.length < 5) throw new MalformedError("signature line");
  return { name: match[1], id: hex(raw.subarray(0, 4)), bytes: raw.subarray(4) };
}

const isBy = (key) => (signature) => signature.name === key.name && signature.id === key.id;

/** Throw unless at least one of `keys` signed the text and none of them failed. */
export function verifyNote(note, keys) {
  let verified = false;
  for (const signature of note.signatures) {
    const key = keys.findLast((candidate) => candidate.type === NOTE && isBy(candidate)(signature));
    if (key !== undefined) {
      verifySignature(key, utf8(note.text), signature.bytes);
      verified = true;
    }
  }
  if (!verified) throw new BadSignatureError("no known key signed");
}

/** Return the object of a statement of this type; the signature is `verifyStatement`'s business. */
export function parseStatement(note, kind) {
  const match = STATEMENT.exec(note.text);
  if (match === null || match[1] !== kind) throw new MalformedError("not a statement of this type");
  const body = loads(utf8(match[2]));
  checkShape("statements", kind, body);
  return body;
}

/** Throw unless `key` made this statement about this origin; return it. */
export function verifyStatement(note, kind, key, origin) {
  verifyNote(note, [key]);
  const body = parseStatement(note, kind);
  if (body.origin !== origin) throw new BadSignatureError("another origin");
  return body;
}

// --- checkpoints and anchors

export function parseCheckpoint(text) {
  const match = CHECKPOINT_TEXT.exec(text);
  if (match === null || Number(match[2]) > MAX_INT) throw new MalformedError("checkpoint");
  return { origin: match[1], size: Number(match[2]), root: unb64(match[3]) };
}

export function verifyCheckpoint(note, key, origin) {
  verifyNote(note, [key]);
  if (parseCheckpoint(note.text).origin !== origin) throw new BadSignatureError("another origin");
}

/** Throw unless the witness cosigned this checkpoint; every line of that key must be right. Return its time. */
export function verifyCosignature(note, key) {
  let time = null;
  for (const { bytes } of note.signatures.filter(isBy(key))) {
    if (key.type !== WITNESS || bytes.length !== 72) throw new BadSignatureError("cosignature");
    const posix = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0));
    if (posix > LAST_S) throw new BadSignatureError("cosignature");
    verifySignature(key, cosigned(posix, note.text), bytes.subarray(8));
    time ??= posix;
  }
  if (time === null) throw new BadSignatureError("not cosigned by this witness");
  return time;
}

/** Add a witness line to a checkpoint: this is the anchor. */
export function cosign(note, key, seed, posix) {
  const stamp = u64(posix);
  const signature = concat(stamp, ed25519.sign(cosigned(posix, note.text), seed));
  const lines = note.signatures.map(({ name, id, bytes }) => signatureLine(name, id, bytes));
  return utf8(`${note.text}\n${lines.join("")}${signatureLine(key.name, key.id, signature)}`);
}

const cosigned = (posix, text) => utf8(`cosignature/v1\ntime ${posix}\n${text}`);

function signatureLine(name, id, bytes) {
  const identifier = Uint8Array.from(id.match(/../g), (pair) => Number.parseInt(pair, 16));
  return `— ${name} ${b64(concat(identifier, bytes))}\n`;
}

/** The anchor one can write on paper. */
export const checkpointCode = ({ size, root }) => `${size}-${shortCode(root)}`;
