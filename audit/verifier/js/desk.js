// The desk between a page and the checks: files come in as they were dropped, answers go out as plain data. Runs in a
// worker, or in the page itself where there is no worker. One case at a time; `forget` drops everything.

import { fileSource } from "./archive.js";
import { b64, compareText, hex, utf8 } from "./bytes.js";
import { checkpointCode, cosign, parseCheckpoint, parseNote } from "./checkpoint.js";
import { HEADERS, cellsOf, csvLines, exchangesOf, kindWords, word, workstation } from "./columns.js";
import { openAgain } from "./contents.js";
import { noteOf } from "./coverage.js";
import { examine } from "./examine.js";
import { claimWords, plainWords, sentence } from "./findings.js";
import { isLocked, openIdentity, openKeyring, parseTrust } from "./officer.js";
import { readPackage } from "./package.js";
import { NotOpenedError } from "./seal.js";
import { MalformedError } from "./strictjson.js";
import { CHECKPOINT } from "./structure.js";
import { CHECKS, RELEASE } from "./tables.js";
import { sha256 } from "../vendor/crypto.js";

const PAGE_ROWS = 25;
const SLICE_MS = 40;
const TOLD_MS = 100;
const MAX_SMALL = 4 * 1024 * 1024;
const STAGES = ["package", "identity", "history", "coverage", "contents", "meaning"];

/** Something a person can put right; the message is a sentence for her. */
export class DeskError extends Error {}

/** Say what a dropped file is by its beginning, so that nobody has to sort them. */
export async function kindOf(file) {
  if (file.size > MAX_SMALL) return "package";
  const bytes = new Uint8Array(await file.arrayBuffer());
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, 4096));
  if (text.startsWith("PK")) return "package";
  if (isLocked(bytes)) return text.includes("\n-> scrypt ") ? "identity" : "keyring";
  if (text.includes("AGE-SECRET-KEY-PQ-1")) return "identity";
  if (text.startsWith("{") && text.includes('"officer"') && text.includes('"witness"')) return "trust";
  return text.includes("\n\n\u00e2") ? "anchor" : "unknown";
}

/** Whether an identity file needs a passphrase. */
export const needsPassphrase = async (file) => isLocked(new Uint8Array(await file.slice(0, 64).arrayBuffer()));

/** One officer's sitting. `tell` gets {stage, done, total}; `pause` lets a page breathe where there is no worker. */
export class Desk {
  #case = null;
  #keyring = null;
  #told = 0;

  constructor(tell = () => {}, pause = null) {
    this.tell = tell;
    this.pause = pause;
  }

  /** Check a package. `given`: {package, trust?, keyring?, identity?, passphrase, anchors: [files], paper: [codes]}. */
  async check(given) {
    this.forget();
    this.#keyring = await this.#openKeys(given);
    const trust = given.trust ? await readTrust(given.trust) : this.#keyring?.trust;
    if (!trust) throw new DeskError("Say whom you believe: add your trust.json, or your keyring and your identity. Nothing was checked.");
    const book = await Promise.all(given.anchors.map(async (file) => new Uint8Array(await file.arrayBuffer())));
    this.tell({ stage: 1, done: 0, total: 1 });
    const files = await readPackage(await fileSource(given.package), () => this.tell({ stage: 1, done: 0, total: 1 }));
    this.#case = { ...(await this.#drain(examine(files, trust, this.#keyring, { book, paper: given.paper }))), files };
    this.#case.exchanges = this.#case.opened === null ? [] : exchangesOf(this.#case);
    return this.#summary();
  }

  async #openKeys({ keyring, identity, passphrase }) {
    if (!keyring || !identity) return null;
    const secret = await openSecret(identity, passphrase, (done) => this.tell({ stage: 0, done: Math.round(done * 100), total: 100 }));
    try {
      return openKeyring(new Uint8Array(await keyring.arrayBuffer()), [secret]);
    } catch (error) {
      if (error instanceof NotOpenedError || error instanceof MalformedError) throw new DeskError(`${keyring.name} does not open with this identity. Nothing was checked.`);
      throw error;
    }
  }

  async #drain(steps) {
    let since = performance.now();
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done) return step.value;
      const now = performance.now();
      if (now - this.#told > TOLD_MS) {
        this.#told = now;
        this.tell(step.value);
      }
      if (this.pause !== null && now - since > SLICE_MS) {
        await this.pause();
        since = performance.now();
      }
    }
  }

  #summary() {
    const { found, json, log, exchanges, opened } = this.#case;
    return {
      verdict: found.verdict,
      sentence: CHECKS.verdicts[found.verdict],
      scope: found.scope,
      structureOnly: CHECKS.structure_only,
      origin: found.origin,
      computer: found.origin === "" ? "" : `${workstation(found.origin)}, of ${found.origin.split("/")[0]}`,
      size: found.size,
      range: found.range,
      reached: log !== null,
      opened: opened !== null,
      independence: found.independence,
      selfAttested: CHECKS.claims["self-attested"],
      demo: found.custody === "same-machine" ? CHECKS.claims.demo : "",
      minutes: found.minutes,
      claims: claimWords(found),
      notCovered: CHECKS.not_covered,
      words: plainWords(found),
      checks: found.checks.map(checkWords),
      totals: found.totals,
      removed: Object.entries(found.totals.removed ?? {}).map(([kind, count]) => [kindWords(kind), count]),
      periods: found.periods.map((period) => ({ ...period, words: word("labels", period.label) })),
      officer: log === null ? [] : this.#officerRecords(),
      code: log === null ? "" : checkpointCode(log.checkpoint),
      canSign: this.#keyring !== null && found.verdict.startsWith("VERIFIED"),
      exchanges: exchanges.length,
      results: [...new Set(exchanges.map(({ result }) => result))].sort(compareText).map((result) => [result, word("results", result)]),
      json: utf8(json),
      release: RELEASE,
    };
  }

  /** Changes and orders of the whole log, in words. */
  #officerRecords() {
    const { log } = this.#case;
    const said = [];
    for (const [seq, body] of log.bodies) {
      const words = officerWords(log.entries[seq].kind, body);
      if (words !== "") said.push({ seq, t: body.t, words });
    }
    return said;
  }

  /** A page of the table of records: `text` in any cell, `result` one of the results or "". */
  query({ text, result, page }) {
    const { exchanges, log } = this.#case;
    const wanted = text.trim().toLowerCase();
    const fits = (exchange) => (result === "" || exchange.result === result) && (wanted === "" || cellsOf(exchange, log).join("\n").toLowerCase().includes(wanted));
    const chosen = wanted === "" && result === "" ? exchanges : exchanges.filter(fits);
    const pages = Math.max(1, Math.ceil(chosen.length / PAGE_ROWS));
    const place = Math.min(Math.max(page, 0), pages - 1);
    const rows = chosen.slice(place * PAGE_ROWS, (place + 1) * PAGE_ROWS).map((exchange) => cellsOf(exchange, log).map(String));
    return { headers: HEADERS, rows, shown: chosen.length, all: exchanges.length, page: place, pages };
  }

  /** One record whole, as the text of its JSON. */
  record({ seq }) {
    const { log, opened } = this.#case;
    const body = openAgain(log, opened, seq);
    return { seq, text: body === null ? "" : JSON.stringify(body, null, 2) };
  }

  /** The table as a file for spreadsheets. */
  csv() {
    const { exchanges, log } = this.#case;
    return { bytes: utf8([...csvLines(exchanges, log)].join("")) };
  }

  /** Cosign what was just checked; `newest` is the largest size in the book that was given. */
  anchor({ posix }) {
    const { files, found, log } = this.#case;
    if (this.#keyring === null || !found.verdict.startsWith("VERIFIED")) throw new DeskError("Only a log that verifies can be anchored. Nothing was signed.");
    const newest = Math.max(0, ...log.fixed.map(({ size }) => size));
    if (log.checkpoint.size < newest) throw new DeskError(`Your book has a newer anchor, of ${newest} records. Nothing was signed.`);
    const note = parseNote(files.content(CHECKPOINT));
    parseCheckpoint(note.text);
    const bytes = cosign(note, this.#keyring.trust.witness, this.#keyring.witnessSeed, posix);
    return { bytes, size: log.checkpoint.size, code: checkpointCode(log.checkpoint), folder: hex(sha256(utf8(log.origin))).slice(0, 16) };
  }

  /** Drop keys and records. Memory that was freed is not erased by JavaScript; closing the page is. */
  forget() {
    this.#keyring?.witnessSeed.fill(0);
    for (const secret of this.#case?.opened?.secrets.values() ?? []) secret.fill(0);
    this.#case = null;
    this.#keyring = null;
    return {};
  }
}

function checkWords({ id, state, findings }) {
  const { title, stage } = CHECKS.checks[id];
  const said = findings.slice(0, 20).map(([one, finding]) => sentence(id, one, finding));
  return { id, state, title, stage: STAGES[stage - 1], count: findings.length, findings: said };
}

const OFFICER_WORDS = {
  C: (body) => (Object.hasOwn(body, "approval") ? `The officer approved: ${word("changes", body.what)}` : `Changed: ${word("changes", body.what)}`),
  A: () => "An anchor of the officer was handed back",
  T: (body) => {
    const order = noteOf(body, "tombstone");
    return order === null ? "An erasure" : `Erasure of ${order.seqs.length} records (${word("whys", order.why)}), reference ${order.ref}`;
  },
  P: (body) => `The key of month ${noteOf(body, "purge")?.month ?? "?"} was destroyed`,
  V: (body) => `Review: ${word("orders", noteOf(body, "review")?.result ?? "?")}`,
  O: (body) => `A package was written, records ${body.from} to ${body.to}`,
};

const officerWords = (kind, body) => (Object.hasOwn(OFFICER_WORDS, kind) ? OFFICER_WORDS[kind](body) : "");

async function readTrust(file) {
  try {
    return parseTrust(new Uint8Array(await file.arrayBuffer()));
  } catch (error) {
    if (error instanceof MalformedError) throw new DeskError(`${file.name} is not a trust file. Nothing was checked.`);
    throw error;
  }
}

async function openSecret(file, passphrase, progress) {
  const data = new Uint8Array(await file.arrayBuffer());
  try {
    return await openIdentity(data, passphrase.trim(), progress);
  } catch (error) {
    if (error instanceof NotOpenedError) throw new DeskError(`The passphrase does not open ${file.name}. Nothing was checked. Try again.`);
    if (error instanceof MalformedError) throw new DeskError(`${file.name} is not an identity file. Nothing was checked.`);
    throw error;
  }
}

/** Answer messages {id, verb, given} of a page. */
export function serve(port) {
  const desk = new Desk((progress) => port.postMessage({ progress }));
  port.onmessage = async ({ data: { id, verb, given } }) => {
    try {
      port.postMessage({ id, value: await desk[verb](given) });
    } catch (error) {
      port.postMessage({ id, error: error instanceof DeskError ? error.message : `The check stopped: ${error.message}. Nothing was decided.` });
    }
  };
}
