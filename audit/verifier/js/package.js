// Stage 1: is this a package at all, and are its files the ones its manifest lists? Hostile bytes come in here.

import { compareText, hex, latin1, utf8 } from "./bytes.js";
import { ENCRYPTED_OR_UNKNOWN, inflateAll, openArchive, readMember } from "./archive.js";
import { checkShape } from "./shapes.js";
import { MalformedError, loads } from "./strictjson.js";
import { sha256 } from "../vendor/crypto.js";

export const MANIFEST = "manifest.json";
export const MANIFEST_NOTE = "manifest.note";
const FILE_NAME =
  /^(00_READ_ME_FIRST\.txt|01_verify\.html|manifest\.(json|note)|notes\/enrolment-(0|[1-9][0-9]{0,5})\.note|policy\/[0-9a-f]{64}\.toml|log\/checkpoint|log\/checkpoints\/[0-9]{12}|log\/tile\/[0-9a-z]+\/(x[0-9]{3}\/){0,4}[0-9]{3}(\.p\/[0-9]{1,3})?|seg\/[0-9]{6,10}\.age|blob\/[0-9a-f]{2}\/[0-9a-f]{2}\/[0-9a-f]{64}|evidence\/[A-Za-z0-9._-]{1,100})$/;
const NOTE_NAME = /^(notes\/|log\/checkpoint|manifest\.note)/;
const SIGNATURE_START = latin1(utf8("\n— "));
const MAX_BYTES = 2 * 1024 ** 3;
const MAX_RATIO = 100;
const MAX_NOTE = 128 * 1024;
const MAX_NOTE_SIGNATURES = 16;
const REGULAR = 0o100000;
const STEP = 64;

/** Open a zip under the limits of the format. Never throws for what is in it: reasons are in `complaints`. */
export async function readPackage(source, tick = () => {}) {
  let archive;
  try {
    archive = openArchive(source);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return new Package(null, new Map(), ["not a zip file"]);
  }
  const complaints = archive.members.map(complaintOf).filter((complaint) => complaint !== null);
  const members = new Map(archive.members.map((member) => [member.name, member]));
  if (members.size !== archive.members.length) complaints.push("a name appears twice");
  if (archive.members.reduce((sum, { size }) => sum + size, 0) > MAX_BYTES) complaints.push("too large");
  if (complaints.length === 0) await inflateAll(archive, tick);
  return new Package(archive, members, complaints);
}

/** Names and bytes to be examined. */
export class Package {
  #digests = new Map();

  constructor(archive, members, complaints) {
    this.archive = archive;
    this.members = members;
    this.complaints = complaints;
    this.names = [...members.keys()].sort(compareText);
  }

  has(name) {
    return this.members.has(name);
  }

  /** A file, or null where there is none that can be read. */
  content(name) {
    const member = this.members.get(name);
    try {
      return member === undefined ? null : readMember(this.archive, member);
    } catch (error) {
      if (error instanceof MalformedError) return null;
      throw error;
    }
  }

  /** SHA-256 of a file that is there. */
  digest(name) {
    if (!this.#digests.has(name)) this.#digests.set(name, hex(sha256(this.content(name))));
    return this.#digests.get(name);
  }
}

function complaintOf({ name, method, kind, size, packed }) {
  if (method === ENCRYPTED_OR_UNKNOWN) return "compression or encryption";
  if ((kind !== 0 && kind !== REGULAR) || name.endsWith("/")) return "not a plain file";
  if (!FILE_NAME.test(name)) return "a name that does not belong here";
  return size > Math.max(packed, 1) * MAX_RATIO ? "compressed too well" : null;
}

/** Run V01 and V24; return the manifest. */
export function* checkPackage(files, board) {
  board.run(1);
  for (const complaint of files.complaints) board.add("V24", "fail", { name: complaint });
  if (board.broken()) return null;
  const manifest = yield* checkManifest(files, board);
  for (const name of files.names) {
    if (NOTE_NAME.test(name) && !isNote(files.content(name))) board.add("V24", "fail", { name });
  }
  return manifest;
}

function* checkManifest(files, board) {
  let body;
  try {
    body = loads(files.content(MANIFEST) ?? new Uint8Array());
    checkShape("files", "manifest", body);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    board.add("V24", "fail", { name: MANIFEST });
    return null;
  }
  const listed = new Set(body.files.map(([name]) => name));
  const present = new Set(files.names.filter((name) => name !== MANIFEST && name !== MANIFEST_NOTE));
  const odd = new Set([...present].filter((name) => !listed.has(name)));
  for (const name of listed) if (!present.has(name)) odd.add(name);
  if (!files.has(MANIFEST_NOTE)) odd.add(MANIFEST_NOTE);
  for (const name of [...odd].sort(compareText)) board.add("V01", "fail", { name });
  for (const [place, [name, size, digest]] of body.files.entries()) {
    if (place % STEP === 0) yield { stage: 1, done: place, total: body.files.length };
    const content = files.content(name);
    const right = content !== null && content.length === size && files.digest(name) === digest;
    if (files.has(name) && !right) board.add("V01", "fail", { name });
  }
  const ordered = body.files.length === listed.size && body.files.every(([name], place) => place === 0 || compareText(body.files[place - 1][0], name) < 0);
  if (!ordered || body.from > body.to || body.to >= body.size) board.add("V24", "fail", { name: MANIFEST });
  return body;
}

function isNote(data) {
  if (data === null || data.length > MAX_NOTE) return false;
  return `\n${latin1(data)}`.split(SIGNATURE_START).length - 1 <= MAX_NOTE_SIGNATURES;
}
