// The proof: the published vector, and that no other message is proven.
import assert from "node:assert/strict";
import test from "node:test";
import { fromBase64Url, isProven, kidOf, proofKeyOf, toBase64Url } from "../../../../extension/lib/proof.js";

const TOKEN = `cordon_${"A".repeat(43)}`;
const SAID = {
  nonce: Uint8Array.from({ length: 32 }, (_, i) => i), host: "127.0.0.1:8642",
  origin: `chrome-extension://${"a".repeat(32)}`, state: "ok",
};
const PROOF = "0pyNA3sLs0UpuKwn2BqDJ_s_U5BcpxBpIfDNtiNKUpk";

test("the vector of the interface's description", async () => {
  assert.equal(await kidOf(TOKEN), "93719bf5bdc7b928");
  const key = await proofKeyOf(TOKEN);
  const raw = Buffer.from(await crypto.subtle.exportKey("raw", key)).toString("hex");
  assert.equal(raw, "abb23e0cc883c6abee6c2c56feb5351ddcd1e21751203250bf9b5f921ace3642");
  assert.equal(await isProven(key, PROOF, SAID), true);
});

test("another nonce, host, origin, state, token or a damaged proof proves nothing", async () => {
  const key = await proofKeyOf(TOKEN);
  const others = [
    { ...SAID, nonce: new Uint8Array(32) }, { ...SAID, host: "127.0.0.1:8643" }, { ...SAID, host: "[::1]:8642" },
    { ...SAID, origin: `chrome-extension://${"b".repeat(32)}` }, { ...SAID, state: "revoked" },
  ];
  for (const said of others) assert.equal(await isProven(key, PROOF, said), false);
  assert.equal(await isProven(await proofKeyOf(`cordon_${"B".repeat(43)}`), PROOF, SAID), false);
  for (const proof of ["", "AA", `${PROOF}A`, PROOF.slice(1), PROOF.toUpperCase(), `${PROOF}=`, "%%%", undefined, null, 7, {}]) {
    assert.equal(await isProven(key, proof, SAID), false);
  }
});

test("base64url without padding, both ways", () => {
  for (let length = 0; length < 40; length += 1) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 251 + 7) % 256);
    const text = toBase64Url(bytes);
    assert.match(text, /^[A-Za-z0-9_-]*$/);
    assert.deepEqual(fromBase64Url(text), bytes);
  }
});
