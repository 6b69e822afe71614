// The parts of the browser verifier against published values: `CORDON_ENGINE=engine.mjs node --test units.test.mjs`.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ed25519 } from "@noble/curves/ed25519.js";
import { XWing } from "@noble/post-quantum/hybrid.js";

const { default: Cordon } = await import(process.env.CORDON_ENGINE);
const check = JSON.parse(readFileSync(new URL("../../golden/audit/vectors.json", import.meta.url), "utf8"));
const bytes = (text) => Cordon.utf8(text);
const refused = (act) => assert.throws(act, Cordon.MalformedError);

test("check values of the format", () => {
  const secret = Uint8Array.from({ length: 32 }, (_, place) => place);
  const ratchet = new Cordon.Ratchet(secret, "hospital.example/cordon/ws-7", 0);
  assert.equal(Cordon.hex(ratchet.keyOf(0)), "3cfdeed9e075ec10e73354f64ebf2e956c3163d67031a5743bada2c470a6d14b");
  assert.equal(Cordon.hex(ratchet.keyOf(1)), "01ecc3eee0823a626e8eb0d21b9dc50875e4ce3ef18b3e8f1cd33eff4b7cf42a");
  const line = "cordon1 1 R 0 0 328 85e243ccd6ea7aa979dcf6fd4caacaef0e3c57049521babcc3cccba87ef33772 2026-11-20T03Z\n";
  assert.equal(Cordon.hex(Cordon.leafHash(bytes(line))), "a8bf8f4cef669787ab95bb914587321c61f598d3d90103920203cdd1bf1b0e6e");
  const { seq, kind, epoch, index, length, body } = Cordon.parseEntry(bytes(line));
  assert.deepEqual([seq, kind, epoch, index, length, body], [1, "R", 0, 0, 328, null]);
  const key = Cordon.parseVkey("hospital.example/cordon/ws-7+aa3ea5cd+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop");
  assert.deepEqual(key.key, ed25519.getPublicKey(new Uint8Array(32)));
  assert.ok(Object.keys(check).length > 0);
});

test("roots of the format, at every size the tree ever had", () => {
  const hashes = Cordon.concat(...Array.from({ length: 7 }, (_, place) => Cordon.leafHash(bytes(`cordon1/leaf/${place}`))));
  const tree = new Cordon.FullTree(hashes);
  assert.equal(Cordon.b64(tree.rootAt(3)), "Iv0UaaJHbausL8hAptPxIXEjea2K86JfRYrasqQhHkI=");
  assert.equal(Cordon.b64(tree.rootAt(7)), "CG8AsbY3zRh4k7A40BVjUMej/Xt/uDkpXYesVwGFX6k=");
  assert.equal(Cordon.hex(tree.rootAt(0)), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  for (let size = 1; size <= 7; size++) {
    assert.deepEqual(new Cordon.FullTree(hashes.slice(0, 32 * size)).rootAt(size), tree.rootAt(size));
  }
});

test("tiles of 70 000 leaves", () => {
  const names = [...Cordon.tileNames(70_000)];
  const at = (level) => names.filter((name) => name.level === level);
  assert.equal(at(0).length, 274);
  assert.equal(Cordon.tilePath(at(0).at(-1)), "tile/0/273.p/112");
  assert.deepEqual(at(1).map(({ width }) => width), [256, 17]);
  assert.deepEqual(at(2).map(({ width }) => width), [1]);
  assert.equal(Cordon.tilePath({ level: -1, number: 1_234_067, width: 256 }), "tile/entries/x001/x234/067");
});

test("an Ed25519 signature has one spelling (RFC 8032, 7.1 and 5.1.7)", () => {
  const secret = Cordon.unhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
  const key = Cordon.makeVkey("a/b", 1, ed25519.getPublicKey(secret));
  assert.equal(Cordon.hex(key.key), "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const message = Uint8Array.of(0x72);
  const signature = ed25519.sign(message, secret);
  Cordon.verifySignature(key, message, signature);
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const s = BigInt(`0x${Cordon.hex(signature.slice(32).reverse())}`) + order;
  const bent = Cordon.concat(signature.slice(0, 32), Cordon.unhex(s.toString(16).padStart(64, "0")).reverse());
  for (const wrong of [bent, signature.slice(1), new Uint8Array(64), signature.map((byte, place) => (place === 3 ? byte ^ 1 : byte))]) {
    assert.throws(() => Cordon.verifySignature(key, message, wrong), Cordon.BadSignatureError);
  }
});

test("X-Wing agrees with noble's own", () => {
  const seed = Cordon.unhex("7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26");
  const { publicKey } = XWing.keygen(seed);
  const identity = Cordon.makeIdentity(seed);
  assert.deepEqual(identity.curvePublic, publicKey.slice(1184));
});

test("base64 has one spelling", () => {
  for (const size of [0, 1, 2, 3, 4, 31, 32, 33, 1000]) {
    const data = Uint8Array.from({ length: size }, (_, place) => (place * 7) % 256);
    assert.equal(Cordon.b64(data), Buffer.from(data).toString("base64"));
    assert.deepEqual(Cordon.unb64(Cordon.b64(data)), data);
  }
  for (const text of ["A", "AA", "AAA", "AB==", "AAB=", "AA=A", "AA==\n", " AA==", "AA-_", "A===", "===="]) refused(() => Cordon.unb64(text));
});

test("text is ordered and counted by code points", () => {
  const texts = ["", "a", "ab", "b", "\u00e9", "\uffff", "\u{10000}", "\u{1f600}", "\ud7ff", "\ue000"];
  const sorted = [...texts].sort(Cordon.compareText);
  assert.deepEqual(sorted, ["", "a", "ab", "b", "\u00e9", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{1f600}"]);
  assert.equal(Cordon.lengthOf("a\u{1f600}b"), 3);
});

test("times, hours and minutes", () => {
  assert.equal(Cordon.parseTime("1970-01-01T05:30:00.001+05:30"), 1);
  assert.equal(Cordon.hourOf(Cordon.parseTime("2026-11-20T09:00:00.812+05:30")), "2026-11-20T03Z");
  for (const text of ["2026-02-29T00:00:00.000+00:00", "2026-11-20T24:00:00.000+00:00", "2026-11-20T00:00:60.000+00:00", "2026-11-20T00:00:00.000-00:00", "2026-11-20T00:00:00.000+18:01", "2026-11-20T00:00:00+00:00", "2026-11-20T00:00:00.000Z", "1969-12-31T23:59:59.999+00:00"]) {
    refused(() => Cordon.parseTime(text));
  }
  assert.deepEqual([0, 29_999, 30_000, 89_999, 90_000, -30_000, -30_001, -90_000].map(Cordon.minutesOf), [0, 0, 1, 1, 2, 0, -1, -1]);
});

test("Bech32 keys of BIP 173's alphabet, one case, one checksum", () => {
  const identity = "AGE-SECRET-KEY-PQ-1HZLGZUPT4ETPKDEV8HSGFDCYZ4E522W0A7PU2LHT8EH9W6YLNC3SW78XKG";
  Cordon.parseIdentity(identity);
  for (const wrong of [identity.toLowerCase(), `${identity.slice(0, -1)}Q`, identity.replace("HZL", "hzl"), identity.slice(0, 30), "AGE-SECRET-KEY-1QQ"]) {
    refused(() => Cordon.parseIdentity(wrong));
  }
});

test("CRC-32 of a known text", () => {
  assert.equal(Cordon.crc32(bytes("123456789")), 0xcbf43926);
});

test("a sentence with a missing number shows a dash, and markup in a name stays text", () => {
  assert.equal(Cordon.fill("{a} to {b}: {name}", { a: 0, name: "<b>{a}</b>" }), "0 to -: <b>{a}</b>");
});

test("a cell that a spreadsheet would run gets an apostrophe", async () => {
  for (const kind of ["=1", "+1", "-1", "@x", "\t=1", "  =1", "\uff1d1"]) assert.match(Cordon.csvCell(kind), /^"?'/);
  assert.equal(Cordon.csvCell('a "b", c'), '"a ""b"", c"');
  assert.equal(Cordon.csvCell(-1), "-1");
});
