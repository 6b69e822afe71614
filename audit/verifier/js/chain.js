// The order of records and the chain of signing keys: what must hold between one leaf and the next.
// Each epoch's key is endorsed by the one before it and signs only checkpoints of its own stretch (CVE-2023-31439).

import { sameBytes, unb64 } from "./bytes.js";
import { BadSignatureError, isRefusal, parseCheckpoint, parseNote, parseStatement, parseVkey, verifyCheckpoint, verifyNote } from "./checkpoint.js";
import { isSealed } from "./record.js";

/** Counts what must be contiguous: seq over all, index within an epoch. */
export class Order {
  seq = 0;
  epoch = -1;
  index = 0;

  /** Take the next entry; return whether it is in its place. After a no, go on with `skip`. */
  feed(entry) {
    if (entry.seq !== this.seq || (this.epoch < 0 && entry.kind !== "K")) return false;
    if (isSealed(entry.kind)) {
      if (entry.epoch !== this.epoch || entry.index !== this.index) return false;
      this.index += 1;
    } else if (entry.kind === "K") {
      this.epoch += 1;
      this.index = 0;
    }
    this.seq += 1;
    return true;
  }

  skip(entry) {
    this.seq = entry.seq + 1;
    if (isSealed(entry.kind)) {
      this.epoch = entry.epoch;
      this.index = entry.index + 1;
    }
  }
}

/** The epochs so far, each verified by the one before, the first by the key in the enrolment. */
export class KeyChain {
  epochs = [];
  #signers = new Map();

  constructor(origin, epoch0) {
    this.origin = origin;
    this.epoch0 = epoch0;
  }

  /** Accept the next K or return null; `root` is the root of the tree at its own place. */
  feed(entry, root) {
    const number = this.epochs.length;
    const key = number > 0 ? this.epochs[number - 1].next : this.epoch0;
    let body;
    let next;
    try {
      const note = parseNote(entry.body);
      verifyNote(note, [key]);
      body = parseStatement(note, "handover");
      next = parseVkey(body.next);
    } catch (error) {
      if (isRefusal(error)) return null;
      throw error;
    }
    const placed = body.origin === this.origin && body.epoch === number && body.size === entry.seq && next.name === this.origin;
    if (!placed || !sameBytes(unb64(body.root), root)) return null;
    const epoch = { number, start: entry.seq, key, next, month: body.month, seg: body.seg, t: body.t };
    this.epochs.push(epoch);
    const name = `${key.name} ${key.id}`;
    if (!this.#signers.has(name)) this.#signers.set(name, epoch);
    return epoch;
  }

  /** The seq of the next epoch's K, or null for the newest. */
  endOf(number) {
    return number + 1 < this.epochs.length ? this.epochs[number + 1].start : null;
  }

  /** The epoch whose key signed a checkpoint; throws if none did. */
  signerOf(note) {
    const found = note.signatures.map(({ name, id }) => this.#signers.get(`${name} ${id}`)).filter((epoch) => epoch !== undefined);
    if (found.length === 0) throw new BadSignatureError("no epoch key signed");
    const epoch = found.reduce((first, other) => (other.number < first.number ? other : first));
    verifyCheckpoint(note, epoch.key, this.origin);
    return epoch;
  }

  /** Whether the signer's epoch covers the size. */
  inRange(note, epoch) {
    const { size } = parseCheckpoint(note.text);
    const end = this.endOf(epoch.number);
    return size >= epoch.start + 1 && (end === null || size <= end);
  }
}
