// What a record is: kinds, the entry line (which is the Merkle leaf), times and hours.

import { latin1, hex } from "./bytes.js";
import { MAX_INT, MalformedError } from "./strictjson.js";
import { sha256 } from "../vendor/crypto.js";

export const SEALED_KINDS = "RZBE";
export const CLEAR_KINDS = "KSXHCOATPV";
const MAX_LEAF = 60_000;
const LAST_MS = 253_402_300_799_999; // the end of year 9999
const ENTRY =
  /^cordon1 (0|[1-9][0-9]{0,15}) ([A-Z]) (-|0|[1-9][0-9]{0,15}) (-|0|[1-9][0-9]{0,15}) (0|[1-9][0-9]{0,15}) ([0-9a-f]{64}) ([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}Z)\n/;
const TIME = /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):(\d\d):(\d\d)\.(\d{3})([+-])(\d\d):(\d\d)$/;
const LINE_BYTES = 256; // the longest line is 179 bytes
const hours = new Map();
const times = new Map();

export const isSealed = (kind) => SEALED_KINDS.includes(kind);

/** Read a leaf; every deviation from the grammar throws. `body` is null for sealed kinds. */
export function parseEntry(leaf) {
  const match = ENTRY.exec(latin1(leaf.subarray(0, LINE_BYTES)));
  if (match === null || leaf.length > MAX_LEAF) throw new MalformedError("entry line");
  const [line, seq, kind, epoch, index, length, digest, hour] = match;
  const sealed = isSealed(kind);
  if (!sealed && !CLEAR_KINDS.includes(kind)) throw new MalformedError("unknown kind");
  if (sealed ? epoch === "-" || index === "-" : epoch !== "-" || index !== "-") throw new MalformedError("epoch and index do not fit");
  const body = leaf.subarray(line.length);
  if (sealed ? body.length > 0 : String(body.length) !== length || hex(sha256(body)) !== digest) {
    throw new MalformedError("inline body");
  }
  checkHour(hour);
  const numbers = [seq, length, sealed ? epoch : "0", sealed ? index : "0"].map(Number);
  if (Math.max(...numbers) > MAX_INT) throw new MalformedError("number too large");
  return {
    seq: numbers[0],
    kind,
    epoch: sealed ? numbers[2] : null,
    index: sealed ? numbers[3] : null,
    length: numbers[1],
    digest,
    hour,
    body: sealed ? null : body,
  };
}

/** Where the content of a sealed record lies. */
export const blobName = (digest) => `blob/${digest.slice(0, 2)}/${digest.slice(2, 4)}/${digest}`;

/** The UTC hour as entry lines have it. */
export function hourOf(utcMs) {
  const number = Math.floor(utcMs / 3_600_000);
  return remember(hours, number, () => `${new Date(number * 3_600_000).toISOString().slice(0, 13)}Z`);
}

/** UTC milliseconds of a time; every other spelling throws. */
export function parseTime(text) {
  return remember(times, text, () => readTime(text));
}

/** Round milliseconds to minutes, halves up. Takes and gives whole numbers, also beyond 2^53. */
export function minutesOf(ms) {
  const sum = BigInt(ms) + 30_000n;
  const quotient = sum / 60_000n;
  return Number(sum < 0n && quotient * 60_000n !== sum ? quotient - 1n : quotient);
}

function readTime(text) {
  const match = TIME.exec(text);
  if (match === null) throw new MalformedError("not a time");
  const [year, month, day, hour, minute, second, millis] = match.slice(1, 8).map(Number);
  const offset = Number(match[9]) * 60 + Number(match[10]);
  if (Number(match[10]) > 59 || offset > 18 * 60 || (match[8] === "-" && offset === 0)) throw new MalformedError("not a time offset");
  if (!isDay(year, month, day) || minute > 59 || second > 59) throw new MalformedError("not a time");
  if (year < 1969) throw new MalformedError("time out of range");
  const local = Date.UTC(year, month - 1, day, hour, minute, second, millis);
  const utc = local - (match[8] === "+" ? offset : -offset) * 60_000;
  if (utc < 0 || utc > LAST_MS) throw new MalformedError("time out of range");
  return utc;
}

function checkHour(text) {
  const [year, month, day, hour] = [text.slice(0, 4), text.slice(5, 7), text.slice(8, 10), text.slice(11, 13)].map(Number);
  if (!isDay(year, month, day) || hour > 23) throw new MalformedError("not an hour");
}

function isDay(year, month, day) {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1];
}

function remember(cache, key, compute) {
  let value = cache.get(key);
  if (value === undefined) {
    if (cache.size > 4096) cache.clear();
    value = compute();
    cache.set(key, value);
  }
  return value;
}
