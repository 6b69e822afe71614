// The officer's side: whom she believes, and the keyring that opens contents. Key material stays in memory.

import { fromUtf8, unb64 } from "./bytes.js";
import { decodeBech32 } from "./bech32.js";
import { NOTE, WITNESS, makeVkey, parseVkey } from "./checkpoint.js";
import { ageDecrypt, ageDecryptPassphrase, makeIdentity } from "./seal.js";
import { checkShape } from "./shapes.js";
import { MalformedError, loads } from "./strictjson.js";
import { ed25519 } from "../vendor/crypto.js";

const IDENTITY_PREFIX = "age-secret-key-pq-";

/** Read `trust.json`. */
export function parseTrust(data) {
  let end = data.length;
  while (end > 0 && data[end - 1] === 0x0a) end -= 1;
  const body = loads(data.subarray(0, end));
  checkShape("files", "trust", body);
  return { site: body.site, officer: parseVkey(body.officer), witness: parseVkey(body.witness) };
}

/** Read `AGE-SECRET-KEY-PQ-1...`. */
export function parseIdentity(text) {
  const seed = decodeBech32(IDENTITY_PREFIX, text);
  if (seed.length !== 32 || text !== text.toUpperCase()) throw new MalformedError("identity");
  return makeIdentity(seed);
}

/** Whether an identity file is under a passphrase. */
export const isLocked = (data) => new TextDecoder("latin1").decode(data.subarray(0, 19)) === "age-encryption.org/";

/** Read an identity file, plain or under a passphrase. */
export async function openIdentity(data, passphrase, progress) {
  const plain = isLocked(data) ? await ageDecryptPassphrase(passphrase, data, progress) : data;
  const lines = fromUtf8(plain)
    .split(/\r\n|\n|\r/)
    .filter((line) => line !== "" && !line.startsWith("#"));
  if (lines.length !== 1) throw new MalformedError("identity");
  return parseIdentity(lines[0].trim());
}

/** Read `keyring.age`. */
export function openKeyring(data, identities) {
  return readKeyring(ageDecrypt(identities, data));
}

/** Read an opened keyring: trust, month keys, and the witness seed for an anchor. */
export function readKeyring(plain) {
  const body = loads(plain);
  checkShape("files", "keyring", body);
  const [sign, witness] = [unb64(body.sign.seed), unb64(body.witness.seed)];
  const trust = {
    site: body.site,
    officer: makeVkey(`${body.site}/officer`, NOTE, ed25519.getPublicKey(sign)),
    witness: makeVkey(`${body.site}/officer-witness`, WITNESS, ed25519.getPublicKey(witness)),
  };
  return { trust, witnessSeed: witness, identities: (month) => body.months.filter(([name]) => name === month).map(([, secret]) => parseIdentity(secret)) };
}
