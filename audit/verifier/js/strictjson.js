// Strict JSON: one value has exactly one spelling, so bytes can be hashed and two languages agree (docs/formats/audit-v1.md).
// A reader parses, serialises again in the same way and requires identical bytes: that one comparison refuses duplicate
// keys, spaces, `-0`, `1.0` and odd escapes. Numbers are whole and safe, keys are names, no half of a surrogate pair.

import { fromUtf8 } from "./bytes.js";

/** The bytes or the value are not of the agreed form. Carries no content. */
export class MalformedError extends Error {}

export const MAX_INT = Number.MAX_SAFE_INTEGER;
const KEY = /^[A-Za-z_][A-Za-z0-9_-]*$/;
const MAX_DEPTH = 16;

/** The one spelling of an object, as ASCII text. */
export function dumps(value) {
  inspect(value, 0);
  return spell(value);
}

/** Parse an object and require that it was spelled in the one allowed way. */
export function loads(bytes) {
  const text = fromUtf8(bytes);
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new MalformedError("not strict JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new MalformedError("not a JSON object");
  if (dumps(value) !== text) throw new MalformedError("not the canonical spelling");
  return value;
}

function spell(value) {
  // Everything beyond ASCII is escaped, and DEL too, as Python does it.
  return JSON.stringify(value).replace(/[\x7f-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function inspect(value, depth) {
  if (depth > MAX_DEPTH) throw new MalformedError("nested too deeply");
  if (typeof value !== "object" || value === null) {
    if (typeof value === "number" && !Number.isSafeInteger(value)) throw new MalformedError("number not allowed");
    if (typeof value === "string" && /\p{Surrogate}/u.test(value)) throw new MalformedError("half a character");
    return;
  }
  if (!Array.isArray(value) && !Object.keys(value).every((key) => KEY.test(key))) throw new MalformedError("key not allowed");
  for (const item of Array.isArray(value) ? value : Object.values(value)) {
    // As in Python: texts and good numbers are no further level.
    if (Number.isSafeInteger(item)) continue;
    inspect(item, typeof item === "string" ? depth : depth + 1);
  }
}
