// Was this log changed, were there gaps, and what did it say? The examination, stage by stage. No clock, no storage; keys
// come from the user, never from the package. Given the same package and keys it answers with the bytes of the command line.

import { b64 } from "./bytes.js";
import { checkContents } from "./contents.js";
import { checkCoverage } from "./coverage.js";
import { Board, encode } from "./findings.js";
import { checkMeaning } from "./meaning.js";
import { checkPackage } from "./package.js";
import { checkIdentity, checkStructure } from "./structure.js";

/**
 * Run all checks; yields {stage, done, total} now and then. A failure in stages 1 to 3 leaves the later stages not run;
 * without a keyring 5 and 6. Returns the verification and, where the structure holds, what a reader of records needs.
 */
export function* examine(files, trust, keyring, anchors) {
  const board = new Board();
  const manifest = yield* checkPackage(files, board);
  const log = board.broken() ? null : checkIdentity(files, manifest, trust, board);
  if (log !== null) yield* checkStructure(log, anchors, board);
  let covered = { stretches: [], erased: new Set(), purged: new Set() };
  let opened = null;
  let meaning = null;
  const whole = log !== null && !board.broken();
  if (whole) {
    covered = yield* checkCoverage(log, board);
    if (keyring !== null) {
      opened = yield* checkContents(log, covered, keyring, board);
      meaning = checkMeaning(log, covered, opened.bodies, board);
    }
  }
  const found = answer(log, whole, covered, meaning, board.checks(), keyring !== null);
  return { found, json: encode(found), log: whole ? log : null, covered, opened, ends: meaning?.ends ?? new Map() };
}

function answer(log, whole, covered, meaning, checks, opened) {
  const verdict = verdictOf(checks);
  const independence = independenceOf(whole ? log : null);
  const clocks = whole ? [...log.bodies].sort(([one], [other]) => one - other).map(([, { t }]) => t) : [];
  return {
    verdict,
    scope: opened ? "all" : "structure",
    origin: log?.origin ?? "",
    size: log?.checkpoint.size ?? 0,
    root: log === null ? "" : b64(log.checkpoint.root),
    range: log === null ? [0, 0] : [log.first, log.last],
    sealedT: clocks.at(-1) ?? "",
    custody: whole ? log.enrolments[0].custody : "",
    independence,
    minutes: meaning?.minutes ?? null,
    checks,
    totals: meaning?.totals ?? {},
    periods: covered.stretches,
    claims: claimsOf(verdict, independence, meaning, whole && log.enrolments[0].custody === "same-machine"),
    spans: meaning?.spans ?? [],
  };
}

function verdictOf(checks) {
  const states = new Set(checks.map(({ state }) => state));
  if (states.has("fail")) return "NOT VERIFIED";
  if (states.has("unknown")) return "CANNOT TELL";
  return states.has("gap") ? "VERIFIED WITH GAPS" : "VERIFIED";
}

/** The level; keys made on the same computer are never independent, whatever anchors exist. */
function independenceOf(log) {
  if (log === null || log.fixed.length === 0 || log.enrolments.some(({ custody }) => custody === "same-machine")) return { level: "I0", size: null, t: null };
  const later = (best, point) => (point.size > best.size || (point.size === best.size && (point.posix ?? 0) > (best.posix ?? 0)) ? point : best);
  const best = log.fixed.reduce(later);
  const t = best.posix === null ? null : `${new Date(best.posix * 1000).toISOString().slice(0, 19)}Z`;
  return { level: "I1", size: best.size, t };
}

function claimsOf(verdict, independence, meaning, demo) {
  if (verdict === "NOT VERIFIED") return [];
  const claims = ["seal", "tamper-evident", independence.level === "I1" ? "anchored" : "self-attested"];
  if (meaning !== null) claims.push(...networkClaims(meaning));
  return demo ? [...claims, "demo"] : claims;
}

/** What the evidence supports about the network, the weakest stretch deciding. */
function networkClaims({ spans, reasons }) {
  if (spans.length > 0 && reasons.length === 0) return ["measured", "no-path"];
  if (reasons.includes("engine-http")) return ["http-engine"];
  return [reasons.some((name) => name.startsWith("control:")) ? "control-failed" : "not-measured"];
}
