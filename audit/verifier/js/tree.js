// The Merkle tree of RFC 9162 over the leaves, and its tiles (C2SP tlog-tiles). Hashes of one level lie in one array.

import { concat } from "./bytes.js";
import { MalformedError } from "./strictjson.js";
import { sha256 } from "../vendor/crypto.js";

const WIDTH = 256;
const HASH = 32;
const LEAF = Uint8Array.of(0);

export const leafHash = (leaf) => sha256(concat(LEAF, leaf));

function nodeHash(left, right) {
  const joined = new Uint8Array(1 + 2 * HASH);
  joined[0] = 1;
  joined.set(left, 1);
  joined.set(right, 1 + HASH);
  return sha256(joined);
}

/** All complete subtrees over the given leaf hashes: any earlier root, any tile. */
export class FullTree {
  constructor(hashes) {
    this.levels = [hashes];
    while (this.levels.at(-1).length > HASH) {
      const row = this.levels.at(-1);
      const above = new Uint8Array(Math.floor(row.length / (2 * HASH)) * HASH);
      for (let place = 0; place < above.length; place += HASH) {
        above.set(nodeHash(row.subarray(2 * place, 2 * place + HASH), row.subarray(2 * place + HASH, 2 * place + 2 * HASH)), place);
      }
      this.levels.push(above);
    }
  }

  rootAt(size) {
    const stack = [];
    let place = 0;
    for (let level = this.levels.length; level >= 0; level--) {
      const width = 2 ** level;
      if (Math.floor(size / width) % 2 === 1) {
        const start = Math.floor(place / width) * HASH;
        stack.push(this.levels[level].subarray(start, start + HASH));
        place += width;
      }
    }
    if (stack.length === 0) return sha256(new Uint8Array());
    return stack.slice(0, -1).reduceRight((root, left) => nodeHash(left, root), stack.at(-1));
  }

  tile({ level, number, width }) {
    return this.levels[8 * level].subarray(number * WIDTH * HASH, (number * WIDTH + width) * HASH);
  }
}

/** Every tile and bundle of a tree of `size` leaves; level -1 is a bundle of entries. */
export function* tileNames(size) {
  if (size === 0) return;
  yield* levelTiles(-1, size);
  for (let level = 0, hashes = size; hashes > 0; level++, hashes = Math.floor(hashes / WIDTH)) yield* levelTiles(level, hashes);
}

function* levelTiles(level, count) {
  const full = Math.floor(count / WIDTH);
  for (let number = 0; number < full; number++) yield { level, number, width: WIDTH };
  if (count % WIDTH > 0) yield { level, number: full, width: count % WIDTH };
}

/** `tile/<L>/<N>[.p/<W>]`, N in groups of three digits, all but the last prefixed with x. */
export function tilePath({ level, number, width }) {
  const plain = String(number);
  const digits = plain.padStart(Math.ceil(plain.length / 3) * 3, "0");
  const groups = digits.match(/.{3}/g);
  const place = [...groups.slice(0, -1).map((group) => `x${group}`), groups.at(-1)].join("/");
  return `tile/${level < 0 ? "entries" : level}/${place}${width === WIDTH ? "" : `.p/${width}`}`;
}

/** Split a bundle into leaves, each after its u16 length; left-over bytes are refused. */
export function readBundle(data) {
  const leaves = [];
  for (let place = 0; place < data.length; ) {
    if (place + 2 > data.length) throw new MalformedError("bundle");
    const end = place + 2 + (data[place] << 8) + data[place + 1];
    if (end > data.length) throw new MalformedError("bundle");
    leaves.push(data.subarray(place + 2, end));
    place = end;
  }
  return leaves;
}
