// Bytes and text: the few conversions everything else is written with. Text is compared by code points, as Python does.
// Law: a second spelling of the same bytes (base64) is refused.

import { MalformedError } from "./strictjson.js";

const ASCII = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const LATIN = new TextDecoder("latin1");
const ENCODER = new TextEncoder();
const HEX = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, "0"));
const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64_VALUE = new Map([...BASE64].map((character, value) => [character, value]));

export const utf8 = (text) => ENCODER.encode(text);

/** UTF-8, strictly; a byte-order mark is a character like any other. */
export function fromUtf8(bytes) {
  try {
    return ASCII.decode(bytes);
  } catch {
    throw new MalformedError("not UTF-8");
  }
}

/** One character for each byte. Only for patterns over ASCII: bytes above are never accepted by one. */
export const latin1 = (bytes) => LATIN.decode(bytes);

export function hex(bytes) {
  let text = "";
  for (const byte of bytes) text += HEX[byte];
  return text;
}

export function unhex(text) {
  const bytes = new Uint8Array(text.length / 2);
  for (let place = 0; place < bytes.length; place++) bytes[place] = Number.parseInt(text.slice(2 * place, 2 * place + 2), 16);
  return bytes;
}

/** Standard base64 with padding. */
export function b64(bytes) {
  let text = "";
  for (let place = 0; place < bytes.length; place += 3) {
    const [one, two = 0, three = 0] = bytes.subarray(place, place + 3);
    const group = (one << 16) | (two << 8) | three;
    text += BASE64[group >> 18] + BASE64[(group >> 12) & 63] + BASE64[(group >> 6) & 63] + BASE64[group & 63];
  }
  const spare = (3 - (bytes.length % 3)) % 3;
  return text.slice(0, text.length - spare) + "=".repeat(spare);
}

/** Read standard base64; a second spelling of the same bytes is refused. */
export function unb64(text) {
  const bare = text.replace(/={1,2}$/, "");
  const bytes = new Uint8Array(Math.floor((bare.length * 3) / 4));
  let gathered = 0;
  let bits = 0;
  let place = 0;
  for (const character of bare) {
    const value = BASE64_VALUE.get(character);
    if (value === undefined) throw new MalformedError("not base64");
    gathered = ((gathered << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) bytes[place++] = (gathered >> (bits -= 8)) & 0xff;
  }
  if (b64(bytes) !== text) throw new MalformedError("not canonical base64");
  return bytes;
}

export function concat(...parts) {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    joined.set(part, place);
    place += part.length;
  }
  return joined;
}

export function sameBytes(one, other) {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (let place = 0; place < one.length; place++) difference |= one[place] ^ other[place];
  return difference === 0;
}

/** Big-endian, eight bytes; numbers here never pass 2^53-1. */
export function u64(value) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}

/** Order by code points. UTF-16 order differs above U+FFFF: surrogates have to sort after everything else. */
export function compareText(one, other) {
  const shorter = Math.min(one.length, other.length);
  let place = 0;
  while (place < shorter && one.charCodeAt(place) === other.charCodeAt(place)) place += 1;
  if (place === shorter) return one.length - other.length;
  return rank(one.charCodeAt(place)) - rank(other.charCodeAt(place));
}

const rank = (unit) => (unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800);

/** How many characters a person would count as Python does: surrogate pairs are one. */
export function lengthOf(text) {
  const pairs = text.match(/[\ud800-\udbff][\udc00-\udfff]/g);
  return text.length - (pairs === null ? 0 : pairs.length);
}

/** A digest as people compare it: ten bytes in five groups of four. */
export const shortCode = (digest) => hex(digest.subarray(0, 10)).match(/.{4}/g).join("-");
