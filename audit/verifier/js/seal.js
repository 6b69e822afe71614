// Opening: the ratchet, record blobs, age files to X-Wing keys and under a passphrase. Reads only; nothing here seals.

import { concat, hex, latin1, sameBytes, u64, unb64, b64, utf8 } from "./bytes.js";
import { MalformedError } from "./strictjson.js";
import { chacha20poly1305, expand, extract, gcm, hmac, ml_kem768, scryptAsync, sha256, sha3_256, sha512, shake256, x25519 } from "../vendor/crypto.js";

/** A key, a context or a byte is wrong. */
export class NotOpenedError extends Error {}

const CHUNK = 16_384;
const TAG = 16;
const BLOCK = 256;
const MAX_PLAIN = 65_536;
const AGE_CHUNK = 65_536;
const VERSION = "age-encryption.org/v1\n";
const INFO = utf8("age-encryption.org/mlkem768x25519");
const [ENC, CT] = [1120, 32];
const MAX_STANZAS = 16;
const MAX_WORK_FACTOR = 20;
const STANZA = /-> ([!-~]+(?: [!-~]+)*)\n((?:[A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/]{0,63}\n)/y;
const MAC_LINE = /--- [A-Za-z0-9+/]{43}\n/y;
const COBBLESTONE = utf8("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0");
const REC = utf8("cordon1/rec");
const NEXT = utf8("cordon1/next");
const [ONE, TWO] = [Uint8Array.of(1), Uint8Array.of(2)];

const hkdf = (key, salt, info) => expand(sha256, extract(sha256, key, salt), info, 32);

// --- records

/** The sealing chain of one epoch: forward only. */
export class Ratchet {
  index = 0;
  #chain;

  constructor(secret, origin, epoch) {
    this.#chain = hkdf(secret, utf8(origin), concat(utf8("cordon1/seg"), u64(epoch)));
  }

  /** The key of record `index`; records are opened in order. */
  keyOf(index) {
    while (this.index < index) this.#advance(hmac.create(sha256, this.#chain));
    const keyed = hmac.create(sha256, this.#chain);
    const key = keyed.clone().update(REC).digest();
    this.#advance(keyed);
    return key;
  }

  #advance(keyed) {
    this.#chain.fill(0);
    this.#chain = keyed.update(NEXT).digest();
    this.index += 1;
  }
}

/** Open a blob (Cobblestone-256) as the record its entry says it is; return the padded plaintext. */
export function openRecord(key, entry, blob) {
  if (blob.length < 56 + TAG) throw new NotOpenedError("too short");
  const context = utf8(`cordon1/blob\0cordon1 ${entry.seq} ${entry.kind} ${entry.epoch} ${entry.index} ${blob.length}`);
  const derived = expandLong(key, concat(COBBLESTONE, blob.subarray(0, 24), context)).subarray(0, 76);
  if (!sameBytes(derived.subarray(44), blob.subarray(24, 56))) throw new NotOpenedError("another key or place");
  const nonce = derived.slice(32, 44);
  const plain = [];
  for (let place = 56, number = 0; ; number++, place += CHUNK + TAG) {
    const last = blob.length - place < CHUNK + TAG;
    plain.push(openChunk(derived.subarray(0, 32), chunkNonce(nonce, number), blob.subarray(place, last ? undefined : place + CHUNK + TAG)));
    if (last) return plain.length === 1 ? plain[0] : concat(...plain);
  }
}

/** HKDF-Expand-SHA512, two blocks. noble refuses keys shorter than the hash; Cobblestone's are 32 bytes. */
function expandLong(key, info) {
  const keyed = hmac.create(sha512, key);
  const first = keyed.clone().update(info).update(ONE).digest();
  return concat(first, keyed.update(first).update(info).update(TWO).digest());
}

function openChunk(key, nonce, sealed) {
  try {
    return gcm(key, nonce).decrypt(sealed);
  } catch {
    throw new NotOpenedError("a byte is wrong");
  }
}

function chunkNonce(nonce, number) {
  const mixed = nonce.slice();
  const counter = u64(number);
  for (let place = 0; place < 8; place++) mixed[4 + place] ^= counter[place];
  return mixed;
}

/** Undo the padding with spaces to a multiple of 256; anything but the exact padding is refused. */
export function unpad(data) {
  let end = data.length;
  while (end > 0 && data[end - 1] === 0x20) end -= 1;
  const padded = Math.ceil(end / BLOCK) * BLOCK;
  if (end === 0 || padded > MAX_PLAIN || padded !== data.length) throw new MalformedError("padding");
  return data.subarray(0, end);
}

// --- X-Wing and HPKE

/** A private X-Wing key from its 32-byte seed (draft-connolly-cfrg-xwing-kem; the hybrid of age 1.3). */
export function makeIdentity(seed) {
  const expanded = shake256(seed, { dkLen: 96 });
  const curve = expanded.subarray(64);
  return { kem: ml_kem768.keygen(expanded.subarray(0, 64)).secretKey, curve, curvePublic: x25519.getPublicKey(curve) };
}

/** Open one HPKE ciphertext: RFC 9180 base mode, KEM 0x647A, HKDF-SHA256, ChaCha20-Poly1305. */
export function openHpke(identity, enc, sealed, info = INFO) {
  const suite = concat(utf8("HPKE"), Uint8Array.of(0x64, 0x7a, 0, 1, 0, 3));
  const labeled = (label, ...rest) => concat(utf8("HPKE-v1"), suite, utf8(label), ...rest);
  const none = new Uint8Array();
  const shared = decapsulate(identity, enc);
  const context = concat(Uint8Array.of(0), extract(sha256, labeled("psk_id_hash"), none), extract(sha256, labeled("info_hash", info), none));
  const secret = extract(sha256, labeled("secret"), shared);
  const derive = (label, length) => expand(sha256, secret, concat(Uint8Array.of(0, length), labeled(label, context)), length);
  try {
    return chacha20poly1305(derive("key", 32), derive("base_nonce", 12)).decrypt(sealed);
  } catch {
    throw new NotOpenedError("another recipient's file");
  }
}

function decapsulate({ kem, curve, curvePublic }, enc) {
  const point = enc.subarray(1088);
  let first;
  let second;
  try {
    first = ml_kem768.decapsulate(enc.subarray(0, 1088), kem);
    second = x25519.getSharedSecret(curve, point);
  } catch {
    throw new NotOpenedError("not a ciphertext");
  }
  return sha3_256(concat(first, second, point, curvePublic, utf8("\\.//^\\")));
}

// --- age files

/** Open an age file with the first identity that fits. Only X-Wing stanzas are read. */
export function ageDecrypt(identities, data) {
  const file = parseAge(data);
  const sealed = file.stanzas.map(({ args, body }) => {
    if (args.length !== 2 || args[0] !== "mlkem768x25519") throw new MalformedError("age: recipient type");
    const enc = unb64Bare(args[1]);
    if (enc.length !== ENC || body.length !== CT) throw new MalformedError("age: stanza length");
    return [enc, body];
  });
  for (const [enc, body] of sealed) {
    for (const identity of identities) {
      const key = tryOpen(identity, enc, body);
      if (key !== null) return openPayload(key, data, file);
    }
  }
  throw new NotOpenedError("no identity fits");
}

function tryOpen(identity, enc, body) {
  try {
    return openHpke(identity, enc, body);
  } catch (error) {
    if (error instanceof NotOpenedError) return null;
    throw error;
  }
}

/** The recipient types in the header: how many there are shows, who they are does not. */
export const ageStanzas = (data) => parseAge(data).stanzas.map(({ args }) => args[0]);

/** Open a passphrase file; a work factor that would stall us is refused. `progress` gets 0 to 1. */
export async function ageDecryptPassphrase(passphrase, data, progress = () => {}) {
  const file = parseAge(data);
  const [{ args, body }] = file.stanzas;
  if (file.stanzas.length !== 1 || args.length !== 3 || args[0] !== "scrypt") throw new MalformedError("age: not a passphrase file");
  if (!/^[1-9][0-9]?$/.test(args[2]) || Number(args[2]) > MAX_WORK_FACTOR || body.length !== 32) throw new MalformedError("age: work factor");
  const salt = unb64Bare(args[1]);
  if (salt.length !== 16) throw new MalformedError("age: salt");
  const normal = utf8(passphrase.normalize("NFC"));
  const options = { N: 2 ** Number(args[2]), r: 8, p: 1, dkLen: 32, onProgress: progress };
  const key = await scryptAsync(normal, concat(utf8("age-encryption.org/v1/scrypt"), salt), options);
  let fileKey;
  try {
    fileKey = chacha20poly1305(key, new Uint8Array(12)).decrypt(body);
  } catch {
    throw new NotOpenedError("wrong passphrase");
  }
  return openPayload(fileKey, data, file);
}

/** Split a header; form only. */
export function parseAge(data) {
  const text = latin1(data);
  if (!text.startsWith(VERSION)) throw new MalformedError("age: version");
  const stanzas = [];
  let place = VERSION.length;
  for (let match; (match = matchAt(STANZA, text, place)) !== null; place += match[0].length) {
    stanzas.push({ args: match[1].split(" "), body: unb64Bare(match[2].replaceAll("\n", "")) });
  }
  if (stanzas.length === 0 || stanzas.length > MAX_STANZAS || matchAt(MAC_LINE, text, place) === null) throw new MalformedError("age: header");
  return { stanzas, place, mac: text.slice(place + 4, place + 47) };
}

function matchAt(pattern, text, place) {
  pattern.lastIndex = place;
  return pattern.exec(text);
}

function unb64Bare(text) {
  if (text.includes("=")) throw new MalformedError("age: base64");
  return unb64(text + "=".repeat((4 - (text.length % 4)) % 4));
}

/** Check the header against the file key and open what follows it. */
export function openPayload(fileKey, data, { place, mac }) {
  const header = hmac(sha256, hkdf(fileKey, new Uint8Array(), utf8("header")), data.subarray(0, place + 3));
  const stated = unb64Bare(mac);
  if (fileKey.length !== 16 || !sameBytes(header, stated)) throw new NotOpenedError("age: header");
  const body = data.subarray(place + 48);
  const key = hkdf(fileKey, body.subarray(0, 16), utf8("payload"));
  const sealed = body.subarray(16);
  const plain = [];
  for (let start = 0, number = 0; start < Math.max(sealed.length, 1); start += AGE_CHUNK + TAG, number++) {
    const end = start + AGE_CHUNK + TAG;
    const nonce = new Uint8Array(12);
    nonce.set(u64(number), 3);
    nonce[11] = end >= sealed.length ? 1 : 0;
    plain.push(openAgeChunk(key, nonce, sealed.subarray(start, end)));
  }
  if (plain.length > 1 && plain.at(-1).length === 0) throw new NotOpenedError("age: empty last chunk");
  return concat(...plain);
}

function openAgeChunk(key, nonce, sealed) {
  try {
    return chacha20poly1305(key, nonce).decrypt(sealed);
  } catch {
    throw new NotOpenedError("age: payload");
  }
}
