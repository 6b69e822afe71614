// The service proves that it knows our token before it is shown the token or a word of text.
// Law: pure but for WebCrypto; no network. The bytes are those of docs/api.md, "Server proof".
const encoder = new TextEncoder();
const INFO = encoder.encode("cordon server proof v1");
const LABEL = encoder.encode("cordon hello v1");

/** Base64url without padding (RFC 4648 section 5). */
export function toBase64Url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The bytes of a base64url text, or null if it is none. */
export function fromBase64Url(text) {
  if (typeof text !== "string" || !/^[A-Za-z0-9_-]*$/.test(text)) return null;
  try {
    return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  } catch {
    return null;
  }
}

/** The name of a token that is not secret: the first 16 hex digits of its SHA-256. */
export async function kidOf(token) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(token)));
  return [...digest.slice(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The key by which the service proves itself: HKDF-SHA-256 (RFC 5869) of the token. */
export async function proofKeyOf(token) {
  const base = await crypto.subtle.importKey("raw", encoder.encode(token), "HKDF", false, ["deriveKey"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(32), info: INFO };
  return crypto.subtle.deriveKey(how, base, { name: "HMAC", hash: "SHA-256", length: 256 }, true, ["sign", "verify"]);
}

/** Whether `proof` is the answer of somebody who knows the token to this very nonce, host, origin and state. */
export async function isProven(key, proof, { nonce, host, origin, state }) {
  const given = fromBase64Url(proof);
  if (given === null || given.length !== 32) return false;
  return crypto.subtle.verify("HMAC", key, given, message(nonce, host, origin, state));
}

/** The bytes that are proven; a zero byte keeps the fields apart. */
export function message(nonce, host, origin, state) {
  const fields = [LABEL, nonce, ...[host, origin, state].map((text) => encoder.encode(text))];
  const bytes = new Uint8Array(fields.reduce((sum, field) => sum + field.length + 1, -1));
  let at = 0;
  for (const field of fields) {
    bytes.set(field, at);
    at += field.length + 1;
  }
  return bytes;
}
