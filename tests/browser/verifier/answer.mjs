// The browser verifier without a browser: `node answer.mjs ENGINE`, one case a line on stdin, one answer a line on stdout.
// {bytes, group, name} asks for a shape alone. A case: {package: path, trust: text, keyring: text or null, anchors: [text], paper: [code], csv: true?}.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const { default: Cordon } = await import(process.argv[2]);
const bytes = (text) => Uint8Array.from(Buffer.from(text, "utf8"));

function run(steps) {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** Whether bytes are strict JSON of a shape: {bytes: base64, group, name}. */
function judge({ bytes: text, group, name }) {
  try {
    Cordon.checkShape(group, name, Cordon.loads(Uint8Array.from(Buffer.from(text, "base64"))));
    return { accepted: true };
  } catch (error) {
    if (error instanceof Cordon.MalformedError) return { accepted: false };
    throw error;
  }
}

async function answer(given) {
  if (given.group !== undefined) return judge(given);
  const files = await Cordon.readPackage(Cordon.memorySource(Uint8Array.from(readFileSync(given.package))));
  const keyring = given.keyring === null ? null : Cordon.readKeyring(bytes(given.keyring));
  const anchors = { book: given.anchors.map(bytes), paper: given.paper };
  const result = run(Cordon.examine(files, Cordon.parseTrust(bytes(given.trust)), keyring, anchors));
  const words = Cordon.plainWords(result.found);
  if (!given.csv || result.opened === null) return { json: result.json, words };
  return { json: result.json, words, csv: [...Cordon.csvLines(Cordon.exchangesOf(result), result.log)].join("") };
}

for await (const line of createInterface({ input: process.stdin })) {
  const said = await answer(JSON.parse(line)).catch((error) => ({ error: String(error.stack).slice(0, 2000) }));
  process.stdout.write(`${JSON.stringify(said)}\n`);
}
