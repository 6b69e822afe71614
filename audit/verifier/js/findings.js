// What a verification found: checks, their states, their findings, and the one file all verifiers agree on.

import { dumps } from "./strictjson.js";
import { CHECKS } from "./tables.js";

const WEIGHT = { not_run: -1, pass: 0, gap: 1, unknown: 2, fail: 3 };
const SHOWN = 20;
const STRETCHES = 3;
const PER_STRETCH = ["measured", "no-path"];
const STRUCTURE_STAGES = [1, 2, 3];

/** Collects findings while the stages run. A finding is {seq?, a?, b?, name?}. */
export class Board {
  #found = new Map();
  #ran = new Set();
  #broken = false;

  /** Say that a stage was run: its checks without findings have passed. */
  run(stage) {
    this.#ran.add(stage);
  }

  add(check, state, finding = {}) {
    if (!this.#found.has(check)) this.#found.set(check, []);
    this.#found.get(check).push([state, finding]);
    this.#broken ||= state === "fail" && STRUCTURE_STAGES.includes(CHECKS.checks[check].stage);
  }

  /** Whether a stage on which everything later rests has failed. */
  broken() {
    return this.#broken;
  }

  checks() {
    return Object.entries(CHECKS.checks).map(([id, { stage }]) => {
      const findings = this.#found.get(id) ?? [];
      const worst = (state, [other]) => (WEIGHT[other] > WEIGHT[state] ? other : state);
      const state = findings.length > 0 ? findings.reduce(worst, "not_run") : this.#ran.has(stage) ? "pass" : "not_run";
      return { id, state, findings };
    });
  }
}

/** `verification.json`: the same bytes for the same log, whoever checked it and when. */
export function encode(found) {
  const { verdict, scope, origin, size, root, range, independence, minutes, checks, totals, periods, claims } = found;
  return dumps({
    v: 1,
    verdict,
    scope,
    origin,
    size,
    root,
    range: { from: range[0], to: range[1] },
    independence,
    evidence_min: minutes,
    checks: checks.map(({ id, state, findings }) => ({ id, state, n: findings.length, findings: findings.slice(0, SHOWN).map(([, finding]) => bodyOf(finding)) })),
    totals,
    periods: periods.map(({ start, end, label }) => ({ from: start, to: end, label })),
    claims,
  });
}

function bodyOf({ seq, a, b, name }) {
  return Object.fromEntries(Object.entries({ seq, a, b, name }).filter(([, value]) => value !== undefined && value !== null));
}

/** Fill `{name}` in a sentence; missing numbers print as a dash instead of stopping a report. */
export const fill = (template, values) => template.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "-");

/** Say it in sentences for someone who does not program: verdict, claims, every check that did not hold. */
export function plainWords(found) {
  const scope = found.scope === "structure" ? ` ${CHECKS.structure_only}` : "";
  const lines = [`${found.verdict}${scope}`, CHECKS.verdicts[found.verdict], ...claimWords(found)];
  for (const check of found.checks) {
    lines.push(...check.findings.slice(0, SHOWN).map(([state, finding]) => `${check.id} ${CHECKS.checks[check.id].title}: ${sentence(check.id, state, finding)}`));
    if (check.findings.length > SHOWN) lines.push(fill(CHECKS.more_findings, { check: check.id, n: check.findings.length - SHOWN }));
  }
  return lines;
}

/** What may be said on this evidence. */
export function claimWords(found) {
  const lines = found.claims.flatMap((claim) => claimLines(claim, found));
  if (found.claims.includes("no-path")) lines.push(fill(CHECKS.not_watched, { ways: CHECKS.not_covered.join("; ") }));
  return lines;
}

function claimLines(claim, found) {
  const template = CHECKS.claims[claim];
  if (PER_STRETCH.includes(claim)) {
    const said = found.spans.slice(0, STRETCHES).map(([a, b, n]) => fill(template, { a, b, n }));
    const more = found.spans.length - STRETCHES;
    return more > 0 ? [...said, fill(CHECKS.more_stretches, { n: more })] : said;
  }
  const { size, t } = found.independence;
  const values = { size: size === null ? null : size - 1, t, last: found.size - 1 }; // n records are fixed up to no. n-1
  return [fill(template, claim === "seal" ? { ...values, t: found.sealedT } : values)];
}

/** The sentence of one finding. */
export function sentence(check, state, finding) {
  const row = CHECKS.checks[check];
  let template = row.sentence;
  if (state === "gap" && Object.hasOwn(row, "gap")) template = row.gap;
  if (check === "V08" && finding.a !== undefined) template = row.cut;
  if (check === "V18" && finding.name === "level") template = row.level;
  return fill(template, bodyOf(finding));
}
