// The zip of a package, read strictly, by the rules of audit/verify/archive.py: one end record that ends the file, a
// directory read to its last byte right before it, local headers that repeat it, stored or deflated. Bytes come from a
// source: {size, slice(start, end)}, a buffer or, for very large packages in a worker, the file itself.

import { latin1 } from "./bytes.js";
import { MalformedError } from "./strictjson.js";

export const ENCRYPTED_OR_UNKNOWN = -1;
const END = 22;
const END64 = 56;
const LOCATOR = 20;
const CENTRAL = 46;
const LOCAL = 30;
const MAX_COMMENT = 65_535;
const MAX_FILES = 2_000_000;
const FULL16 = 0xffff;
const FULL32 = 0xffffffff;
const FLAGS = 0x080e; // deflate options, sizes after the data, UTF-8 names
const LATER = 0x0008;
const IN_MEMORY = 2 ** 30;
const WINDOW = 2 ** 22;
const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** Bytes of a buffer. */
export const memorySource = (bytes) => ({ size: bytes.length, slice: (start, end) => bytes.subarray(start, end) });

/** Bytes of a File or Blob: in memory where they fit, else windows of it, which only a worker can read in step. */
export async function fileSource(file, inMemory = IN_MEMORY) {
  if (file.size <= inMemory || typeof FileReaderSync === "undefined") return memorySource(new Uint8Array(await file.arrayBuffer()));
  const reader = new FileReaderSync();
  const read = (start, end) => new Uint8Array(reader.readAsArrayBuffer(file.slice(start, end)));
  let window = { start: 0, end: 0, bytes: new Uint8Array() };
  return {
    size: file.size,
    slice(start, end) {
      if (end - start > WINDOW) return read(start, end);
      if (start < window.start || end > window.end) {
        const stop = Math.min(file.size, start + WINDOW);
        window = { start, end: stop, bytes: read(start, stop) };
      }
      return window.bytes.slice(start - window.start, end - window.start);
    },
  };
}

/** Read the directory of a zip; throws if there is none or it is not read to its last byte. */
export function openArchive(source) {
  const { count, size, start } = readEnd(source);
  if (count > MAX_FILES || start + size > source.size) throw new MalformedError("zip: directory");
  const data = source.slice(start, start + size);
  return { source, members: [...readMembers(data, count)], limit: start, inflated: new Map(), sound: new Set() };
}

/** Return the bytes of a file; throws for whatever is not exactly as announced. */
export function readMember(archive, member) {
  const { source, limit } = archive;
  const header = member.offset + LOCAL <= source.size ? source.slice(member.offset, member.offset + LOCAL) : new Uint8Array();
  if (header.length !== LOCAL) throw new MalformedError("zip: local header");
  const view = new DataView(header.buffer, header.byteOffset, LOCAL);
  const [flags, method] = [view.getUint16(6, true), view.getUint16(8, true)];
  const [crc, packed, size] = [14, 18, 22].map((place) => view.getUint32(place, true));
  const nameEnd = member.offset + LOCAL + view.getUint16(26, true);
  const start = nameEnd + view.getUint16(28, true);
  const named = latin1(source.slice(member.offset + LOCAL, Math.min(nameEnd, source.size))) === member.name;
  const fits = (value, stated) => value === stated || value === FULL32;
  const sized = (flags & LATER) !== 0 || (crc === member.crc && fits(packed, member.packed) && fits(size, member.size));
  const same = view.getUint32(0, true) === 0x04034b50 && flags === member.flags && method === member.method && named;
  if (!same || !sized || start + member.packed > limit) throw new MalformedError("zip: local header");
  const content = member.method === 0 ? source.slice(start, start + member.packed) : archive.inflated.get(member.name);
  if (content === undefined || content.length !== member.size) throw new MalformedError("zip: contents");
  if (!archive.sound.has(member)) {
    if (crc32(content) !== member.crc) throw new MalformedError("zip: contents");
    archive.sound.add(member);
  }
  return content;
}

/** Inflate what is deflated, before the examination: browsers inflate only asynchronously. A bad one is left out. */
export async function inflateAll(archive, tick = () => {}) {
  for (const member of archive.members.filter(({ method }) => method === 8)) {
    const view = new DataView(Uint8Array.from(archive.source.slice(member.offset, Math.min(member.offset + LOCAL, archive.limit))).buffer);
    if (view.byteLength < LOCAL) continue;
    const start = member.offset + LOCAL + view.getUint16(26, true) + view.getUint16(28, true);
    if (start + member.packed > archive.limit) continue;
    const bytes = await inflate(archive.source.slice(start, start + member.packed), member.size);
    if (bytes !== null) archive.inflated.set(member.name, bytes);
    tick();
  }
}

async function inflate(packed, size) {
  const parts = new Uint8Array(size);
  let made = 0;
  try {
    const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return made === size ? parts : null;
      if (made + value.length > size) {
        await reader.cancel();
        return null;
      }
      parts.set(value, made);
      made += value.length;
    }
  } catch {
    return null;
  }
}

export function crc32(bytes) {
  let value = 0xffffffff;
  for (let place = 0; place < bytes.length; place++) value = CRC[(value ^ bytes[place]) & 0xff] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

function readEnd(source) {
  const begin = Math.max(0, source.size - END - MAX_COMMENT);
  const tail = Uint8Array.from(source.slice(begin, source.size));
  const view = new DataView(tail.buffer);
  let place = tail.length - END;
  while (place >= 0 && !(view.getUint32(place, true) === 0x06054b50 && view.getUint16(place + 20, true) === tail.length - place - END)) place -= 1;
  if (place < 0) throw new MalformedError("zip: no end record");
  const [disk, firstDisk, here, count] = [4, 6, 8, 10].map((offset) => view.getUint16(place + offset, true));
  if (disk !== 0 || firstDisk !== 0 || here !== count) throw new MalformedError("zip: several disks");
  let found = { count, size: view.getUint32(place + 12, true), start: view.getUint32(place + 16, true), end: begin + place };
  if (count === FULL16 || found.size === FULL32 || found.start === FULL32) found = readEnd64(source, found.end);
  if (found.start + found.size !== found.end) throw new MalformedError("zip: something beside the directory");
  return found;
}

function readEnd64(source, end) {
  const place = end - LOCATOR - END64;
  if (place < 0) throw new MalformedError("zip: no zip64 record");
  const view = new DataView(Uint8Array.from(source.slice(place, end)).buffer);
  const wide = (offset) => view.getBigUint64(offset, true);
  const record = view.getUint32(0, true) === 0x06064b50 && wide(4) === BigInt(END64 - 12);
  const locator = view.getUint32(END64, true) === 0x07064b50 && view.getUint32(END64 + 4, true) === 0 && wide(END64 + 8) === BigInt(place);
  if (!record || !locator || view.getUint32(END64 + 16, true) !== 1) throw new MalformedError("zip: zip64 record");
  if (view.getUint32(16, true) !== 0 || view.getUint32(20, true) !== 0 || wide(24) !== wide(32)) throw new MalformedError("zip: several disks");
  return { count: Number(wide(32)), size: Number(wide(40)), start: Number(wide(48)), end: place };
}

function* readMembers(data, count) {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  let place = 0;
  for (let number = 0; number < count; number++) {
    if (data.length - place < CENTRAL) throw new MalformedError("zip: directory");
    const short = (offset) => view.getUint16(place + offset, true);
    const long = (offset) => view.getUint32(place + offset, true);
    const [flags, method, nameLength, extraLength, commentLength] = [short(8), short(10), short(28), short(30), short(32)];
    const nameAt = place + CENTRAL;
    const next = nameAt + nameLength + extraLength + commentLength;
    if (long(0) !== 0x02014b50 || short(34) !== 0 || next > data.length) throw new MalformedError("zip: directory");
    const extra = data.subarray(nameAt + nameLength, nameAt + nameLength + extraLength);
    const [size, packed, offset] = widen(extra, [long(24), long(20), long(42)]);
    const readable = (flags & ~FLAGS) === 0 && (method === 8 || (method === 0 && packed === size));
    yield {
      name: latin1(data.subarray(nameAt, nameAt + nameLength)),
      method: readable ? method : ENCRYPTED_OR_UNKNOWN,
      flags,
      crc: long(16),
      packed,
      size,
      kind: (long(38) >>> 16) & 0o170000,
      offset,
    };
    place = next;
  }
  if (place !== data.length) throw new MalformedError("zip: directory");
}

/** Fill 32-bit fields that say "too large" from the zip64 field, in its fixed order. */
function widen(extra, values) {
  if (!values.includes(FULL32)) return values;
  const view = new DataView(extra.buffer, extra.byteOffset, extra.length);
  for (let place = 0; place + 4 <= extra.length; ) {
    const length = view.getUint16(place + 2, true);
    if (view.getUint16(place, true) === 1) {
      const whole = length % 8 === 0 && place + 4 + length <= extra.length;
      let next = place + 4;
      const filled = values.map((value) => {
        if (value !== FULL32) return value;
        next += 8;
        return whole && next <= place + 4 + length ? Number(view.getBigUint64(next - 8, true)) : -1;
      });
      if (filled.some((value) => value < 0 || value > Number.MAX_SAFE_INTEGER)) break;
      return filled;
    }
    place += 4 + length;
  }
  throw new MalformedError("zip: zip64 field");
}
