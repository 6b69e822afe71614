// From the facts of an E record to its level. The number written in the record is never believed. A control test counts
// only if it gave what audit/controls.json expects, and a test that was not made counts as failed.

import { CONTROLS } from "./tables.js";

const ROLES = ["gateway", "analyst", "engine"];
const COUNTER = "systemd:cordon.service:IPEgressBytes";

/** Return the reasons why the evidence is not E1, each once; empty means it is. */
export function assess(body, filters, first) {
  return [...new Set(reasonsOf(body, filters, first))];
}

function expectedControls(role) {
  const denied = Object.entries(CONTROLS.denied).flatMap(([result, names]) => names.map((name) => [name, [result]]));
  const byRole = Object.entries(CONTROLS.by_role).map(([name, results]) => [name, results[role]]);
  return new Map([...denied, ...byRole]);
}

function* reasonsOf(body, filters, first) {
  const { kernel } = body.host;
  if (/^\p{L}/u.test(kernel) && !kernel.startsWith("Linux")) yield "not-linux";
  if (body.engine !== "embedded") yield "engine-http";
  const roles = body.procs.map(({ role }) => role).sort().join();
  const wanted = [...ROLES].sort().join();
  const twoEngines = [...ROLES, "engine"].sort().join(); // the connector to an http server, and the guard beside it
  if (roles !== wanted && !(body.engine === "http" && roles === twoEngines)) yield "child-missing";
  for (const proc of body.procs) yield* procReasons(proc, filters, body.host.netns ?? null);
  const before = programsOf(first.procs);
  for (const [role, program] of programsOf(body.procs)) if (before.has(role) && before.get(role) !== program) yield "code-changed";
  if (body.unit !== "none" && !first.counters.some(({ src, value }) => src === COUNTER && value >= 0)) yield "ip-accounting-missing";
  if (body.loopback.non_loopback !== 0) yield "non-loopback-peer";
  if (body.paths.writable.some(({ remote }) => remote !== 0)) yield "remote-path";
  if (body.self_check.result !== "pass") yield "self-check";
}

function* procReasons(proc, filters, hostNetns) {
  if (proc.no_new_privs !== 1 || proc.seccomp !== 2 || proc.filter !== filters[proc.role]) yield "filter-differs";
  if (proc.landlock_abi < 1) yield "no-landlock";
  if (proc.ifaces.some((name) => name !== "lo") || proc.netns === -1 || proc.netns === hostNetns) yield "netns-shared";
  if (proc.fds.unexpected.length > 0) yield "fd-unexpected";
  const expected = expectedControls(proc.role);
  const made = new Set(proc.controls.map(({ name }) => name));
  const optional = (name) => CONTROLS.optional.includes(name);
  for (const { name, got } of proc.controls) {
    if (!(expected.get(name) ?? []).includes(got) && !(got === "not-run" && optional(name))) yield `control:${name}`;
  }
  for (const name of expected.keys()) if (!made.has(name) && !optional(name)) yield `control:${name}`;
}

const programsOf = (procs) => new Map(procs.map(({ role, exe, code }) => [role, `${exe} ${code}`]));
