// What the browser verifier takes from npm, and nothing else. build_crypto.mjs joins it into one file.
export { sha256, sha512 } from "@noble/hashes/sha2.js";
export { sha3_256, shake256 } from "@noble/hashes/sha3.js";
export { hmac } from "@noble/hashes/hmac.js";
export { extract, expand } from "@noble/hashes/hkdf.js";
export { scryptAsync } from "@noble/hashes/scrypt.js";
export { ed25519, x25519 } from "@noble/curves/ed25519.js";
export { gcm } from "@noble/ciphers/aes.js";
export { chacha20poly1305 } from "@noble/ciphers/chacha.js";
export { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
