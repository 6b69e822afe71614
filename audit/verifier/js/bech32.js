// Bech32 (BIP 173) without the length limit, as age uses it for keys. Not Bech32m.

import { MalformedError } from "./strictjson.js";

const ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

/** Return the data of a key with exactly this prefix; mixed case and a wrong checksum are refused. */
export function decodeBech32(prefix, text) {
  const lowered = text.toLowerCase();
  if (text !== lowered && text !== text.toUpperCase()) throw new MalformedError("bech32: mixed case");
  const end = lowered.lastIndexOf("1");
  const values = [...lowered.slice(end + 1)].map((character) => ALPHABET.indexOf(character));
  if (end < 0 || lowered.slice(0, end) !== prefix || values.length < 6) throw new MalformedError("bech32: another kind of key");
  if (values.includes(-1)) throw new MalformedError("bech32: character");
  const codes = [...prefix].map((character) => character.charCodeAt(0));
  const expanded = [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31)];
  if (polymod([...expanded, ...values]) !== 1) throw new MalformedError("bech32: checksum");
  return regroup(values.slice(0, -6));
}

function polymod(values) {
  let checksum = 1;
  for (const value of values) {
    const top = checksum >>> 25;
    checksum = ((checksum & 0x1ffffff) << 5) ^ value;
    GENERATOR.forEach((generator, place) => {
      if ((top >> place) & 1) checksum ^= generator;
    });
  }
  return checksum;
}

function regroup(values) {
  const bytes = [];
  let gathered = 0;
  let bits = 0;
  for (const value of values) {
    gathered = ((gathered << 5) | value) & 0xfff;
    bits += 5;
    if (bits >= 8) bytes.push((gathered >> (bits -= 8)) & 0xff);
  }
  if (bits >= 5 || (gathered & ((1 << bits) - 1)) !== 0) throw new MalformedError("bech32: padding");
  return Uint8Array.from(bytes);
}
