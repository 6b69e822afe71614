// The shapes of all bodies, interpreted from audit/shapes.json. A field is `[key, type, required]`; `*` splices an object
// in. Unknown keys, missing keys and values outside their type are refused alike.

import { lengthOf, unb64 } from "./bytes.js";
import { parseTime } from "./record.js";
import { MAX_INT, MalformedError } from "./strictjson.js";
import { SHAPES } from "./tables.js";

const PATTERNS = {
  sha: /^[0-9a-f]{64}$/,
  sha0: /^([0-9a-f]{64})?$/,
  hm: /^hmac-sha256:[0-9a-f]{64}$/,
  uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/,
  month: /^[0-9]{4}(0[1-9]|1[0-2])$/,
  origin: /^(?!cordon1)(?=.{3,200}$)[a-z0-9.-]+(\/[a-z0-9.-]+)+$/,
  vkey: /^[^+ \x00-\x20]{1,300}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{1,4000}={0,2}$/u,
  ref: /^[A-Za-z0-9-]{1,64}$/,
  recipient: /^age1pq1[02-9ac-hj-np-z]{1,4000}$/,
  secret: /^AGE-SECRET-KEY-PQ-1[02-9AC-HJ-NP-Z]{1,200}$/,
};
const NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;
const MAX_NAMES = 256;
const checkers = new Map();
const compiled = new Map();

/** Throw unless `value` has the shape `name` of `group` (records, statements, files). */
export function checkShape(group, name, value) {
  if (!Object.hasOwn(SHAPES[group], name)) throw new MalformedError("unknown kind");
  checkFields(fieldsOf(group, name), value);
}

function checkFields(fields, value) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) refuse();
  let present = 0;
  for (const [key, accepts, required] of fields) {
    if (Object.hasOwn(value, key)) {
      accepts(value[key]);
      present += 1;
    } else if (required) refuse();
  }
  if (present !== Object.keys(value).length) refuse();
}

function fieldsOf(group, name) {
  const key = `${group} ${name}`;
  if (!compiled.has(key)) {
    const rows = SHAPES[group][name];
    compiled.set(key, rows.flatMap(([field, kind, required]) => (field === "*" ? fieldsOf("types", kind) : [[field, checkerOf(kind), required === 1]])));
  }
  return compiled.get(key);
}

function checkerOf(kind) {
  if (!checkers.has(kind)) checkers.set(kind, makeChecker(kind));
  return checkers.get(kind);
}

function makeChecker(kind) {
  const [, name, argument = ""] = /^([a-z0-9_]+)(?:\((.*)\))?$/.exec(kind);
  if (Object.hasOwn(COMPOUND, name)) return COMPOUND[name](argument);
  if (Object.hasOwn(PATTERNS, name)) return text((value) => PATTERNS[name].test(value));
  if (Object.hasOwn(SHAPES.types, name)) return (value) => checkFields(fieldsOf("types", name), value);
  throw new Error(`shapes.json: unknown type ${kind}`);
}

function refuse() {
  throw new MalformedError("value not allowed");
}

const text = (accepts) => (value) => {
  if (typeof value !== "string" || !accepts(value)) refuse();
};
const number = (low, high) => (value) => {
  if (!Number.isSafeInteger(value) || value < low || value > high) refuse();
};
const printable = (limit) => text((value) => lengthOf(value) <= limit && !/[\x00-\x1f]/.test(value));
const oneOf = (names) => text((value) => names.includes(value));

function list(argument) {
  const comma = argument.lastIndexOf(",");
  const item = checkerOf(argument.slice(0, comma));
  const most = Number(argument.slice(comma + 1));
  return (value) => {
    if (!Array.isArray(value) || value.length > most) refuse();
    value.forEach((element) => item(element));
  };
}

function map(argument) {
  const item = checkerOf(argument);
  return (value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) refuse();
    const keys = Object.keys(value);
    if (keys.length > MAX_NAMES) refuse();
    for (const key of keys) {
      if (!NAME.test(key)) refuse();
      item(value[key]);
    }
  };
}

function row(...kinds) {
  return (value) => {
    if (!Array.isArray(value) || value.length !== kinds.length) refuse();
    kinds.forEach((kind, place) => checkerOf(kind)(value[place]));
  };
}

const COMPOUND = {
  int: () => number(0, MAX_INT),
  num: () => number(-1, MAX_INT),
  bit: () => number(0, 1),
  score: () => number(0, 10_000),
  const: (argument) => number(Number(argument), Number(argument)),
  s: (argument) => printable(Number(argument)),
  s16: () => printable(16),
  s32: () => printable(32),
  s64: () => printable(64),
  hex: (argument) => text((value) => new RegExp(`^[0-9a-f]{${argument}}$`).test(value)),
  note: () => text((value) => lengthOf(value) <= 50_000),
  enum: (argument) => oneOf(argument.split("|")),
  act: () => oneOf(["permit", "flag", "refuse"]),
  time: () => text((value) => parseTime(value) >= 0),
  hash: () => text((value) => unb64(value).length === 32),
  list,
  map,
  months: () => row("month", "list(recipient,4)"),
  identity: () => row("month", "secret"),
  file: () => row("s(200)", "int", "sha"),
};
