// age files here and elsewhere: `node age.mjs ENGINE`, one order a line on stdin, one JSON answer a line on stdout.
//   {op: "vectors"}                                   the published vectors (C2SP CCTV): file and how our reader takes each
//   {op: "encrypt", recipients | passphrase, text}    what npm's age-encryption writes
//   {op: "decrypt", identity | passphrase, file}      what age-encryption reads
//   {op: "open", identity | passphrase, file}         what our reader reads
import * as vectors from "cctv-age";
import { Decrypter, Encrypter } from "age-encryption";
import { createInterface } from "node:readline";
import { inflateSync } from "node:zlib";

const { default: Cordon } = await import(process.argv[2]);
const base64 = (bytes) => Buffer.from(bytes).toString("base64");
const bytes = (text) => Uint8Array.from(Buffer.from(text, "base64"));

/** Split a vector into its fields and the age file. */
function split(data) {
  const text = Buffer.from(data).toString("latin1");
  const end = text.indexOf("\n\n");
  const fields = {};
  for (const line of text.slice(0, end).split("\n")) {
    const colon = line.indexOf(": ");
    fields[line.slice(0, colon)] ??= line.slice(colon + 2);
  }
  const file = data.slice(end + 2);
  return { fields, file: fields.compressed === "zlib" ? new Uint8Array(inflateSync(file)) : file };
}

async function outcome(read) {
  try {
    return `success ${Cordon.hex(Cordon.sha256(await read()))}`;
  } catch (error) {
    if (error instanceof Cordon.MalformedError) return "malformed";
    if (error instanceof Cordon.NotOpenedError) return "not opened";
    throw error;
  }
}

const ours = ({ identity, passphrase }, file) =>
  passphrase === undefined ? Cordon.ageDecrypt([Cordon.parseIdentity(identity)], file) : Cordon.ageDecryptPassphrase(passphrase, file);

async function vector([name, data]) {
  const { fields, file } = split(data);
  const whole = fields.passphrase !== undefined || fields.identity?.startsWith("AGE-SECRET-KEY-PQ-1");
  const key = fields["file key"] === undefined ? null : Cordon.unhex(fields["file key"]);
  return {
    name,
    fields,
    file: base64(file),
    whole: whole ? await outcome(() => ours(fields, file)) : null,
    inner: key === null ? null : await outcome(() => Cordon.openPayload(key, file, Cordon.parseAge(file))),
  };
}

const OPS = {
  vectors: async () => {
    const found = [];
    for (const entry of Object.entries(vectors).filter(([, data]) => data instanceof Uint8Array)) found.push(await vector(entry));
    return found;
  },
  encrypt: async ({ recipients = [], passphrase, text }) => {
    const encrypter = new Encrypter();
    for (const recipient of recipients) encrypter.addRecipient(recipient);
    if (passphrase !== undefined) {
      encrypter.setPassphrase(passphrase);
      encrypter.setScryptWorkFactor(10);
    }
    return base64(await encrypter.encrypt(text));
  },
  decrypt: async ({ identity, passphrase, file }) => {
    const decrypter = new Decrypter();
    if (identity !== undefined) decrypter.addIdentity(identity);
    if (passphrase !== undefined) decrypter.addPassphrase(passphrase);
    return base64(await decrypter.decrypt(bytes(file)));
  },
  open: async (given) => base64(await ours(given, bytes(given.file))),
};

for await (const line of createInterface({ input: process.stdin })) {
  const given = JSON.parse(line);
  const answer = await OPS[given.op](given).then((value) => ({ value }), (error) => ({ error: String(error.message) }));
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
