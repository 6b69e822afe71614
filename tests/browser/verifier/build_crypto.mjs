// Bundles the cryptography of the browser verifier: `node verifier/build_crypto.mjs OUT`, run in tests/browser after
// `npm ci --ignore-scripts`. Same packages in, same bytes out; a test rebuilds it and compares with what is committed.
import { build } from "esbuild";
import { readFileSync, writeFileSync } from "node:fs";

const NAME = "CordonCrypto";
const packages = ["@noble/hashes", "@noble/curves", "@noble/ciphers", "@noble/post-quantum"];
const about = packages.map((name) => {
  const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`));
  const licence = readFileSync(`node_modules/${name}/LICENSE`, "utf8").trim().split("\n").map((line) => line.trim());
  return { name: `${name} ${version}`, rights: licence.filter((line) => line.startsWith("Copyright")), terms: licence.filter((line) => !line.startsWith("Copyright")).join("\n") };
});
const terms = [...new Set(about.map((one) => one.terms.replace(/\s+/g, " ")))];
if (terms.length !== 1 || !terms[0].startsWith("The MIT License")) throw new Error("a licence changed; read it");
const banner = ["Made by tests/browser/verifier/build_crypto.mjs from", ...about.map(({ name, rights }) => `${name}, ${rights.join(", ")}`), about[0].terms.replace(/\n{2,}/g, "\n")];
const entry = "verifier/crypto_entry.js";
const names = [...readFileSync(entry, "utf8").matchAll(/^export \{ (.*?) \}/gm)].flatMap((match) => match[1].split(", ")).sort();
const result = await build({
  entryPoints: [entry],
  bundle: true,
  format: "iife",
  globalName: NAME,
  target: "es2022",
  minify: true,
  charset: "ascii",
  legalComments: "none",
  write: false,
  // One copy of each package: the versions in the header are the ones that run.
  alias: Object.fromEntries(["@noble/hashes", "@noble/curves"].map((name) => [name, `./node_modules/${name}`])),
  banner: { js: `/*\n${banner.join("\n")}\n*/` },
  footer: { js: `export const { ${names.join(", ")} } = ${NAME};` },
});
writeFileSync(process.argv[2], result.outputFiles[0].contents);
