// The conversation with the service, against a service that keeps its promises: no token and no text before a proof.
import assert from "node:assert/strict";
import test from "node:test";
import { Failure, failureOf, Service } from "../../../../extension/lib/api.js";
import { HOST } from "../../../../extension/lib/address.js";
import { fromBase64Url, kidOf, message, proofKeyOf, toBase64Url } from "../../../../extension/lib/proof.js";

const TOKEN = `cordon_${"A".repeat(43)}`;
const ORIGIN = "chrome-extension://test";

function area() {
  const kept = new Map();
  return {
    kept, get: async (name) => (kept.has(name) ? { [name]: kept.get(name) } : {}),
    set: async (values) => Object.entries(values).forEach(([name, value]) => kept.set(name, value)),
    remove: async (name) => void kept.delete(name),
  };
}

/** A service that proves itself by `knows` and answers from `replies`; remembers what it was sent. */
function world({ knows = TOKEN, state = "ok", replies = {} } = {}) {
  const seen = [];
  const clock = { ms: 0 };
  const storage = { session: area(), local: area() };
  const fetch = async (url, options) => {
    const name = url.replace(`http://${HOST}/cordon/v1/`, "");
    seen.push({ name, options, body: JSON.parse(options.body) });
    const reply = replies[name]?.(seen.at(-1));
    if (reply instanceof Error) throw reply;
    if (reply) return reply;
    if (name !== "hello") return Response.json({ token: TOKEN, kid: await kidOf(TOKEN), expires: 7 });
    const { nonce } = seen.at(-1).body;
    const signed = await crypto.subtle.sign("HMAC", await proofKeyOf(knows), message(fromBase64Url(nonce), HOST, ORIGIN, state));
    return Response.json({ proof: toBase64Url(new Uint8Array(signed)), state });
  };
  const permitted = async () => replies.permitted !== false;
  const random = (count) => crypto.getRandomValues(new Uint8Array(count));
  const service = new Service({ fetch, storage, permitted, now: () => clock.ms, random, origin: ORIGIN });
  return { service, seen, clock, storage };
}

async function paired(how) {
  const place = world(how);
  await place.service.pair("12345678", false);
  await place.service.keep();
  place.seen.length = 0;
  return place;
}

const fails = (id) => (error) => error instanceof Failure && error.id === id;
const names = (seen) => seen.map((one) => one.name);
const refusal = (status, code, more = {}, headers = {}) => Response.json({ error: { code, message: "A sentence.", ...more } }, { status, headers });
const events = (...said) => new Response(said.map(([event, data]) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`).join(""));

test("a proof goes before every bearer, and again after ten seconds", async () => {
  const { service, seen, clock } = await paired();
  await service.preview({ messages: [], marked: [] });
  clock.ms = 9_999;
  await service.status();
  clock.ms = 10_000;
  await service.status();
  assert.deepEqual(names(seen), ["hello", "preview", "status", "hello", "status"]);
  for (const { name, options } of seen) {
    assert.equal("Authorization" in options.headers, name !== "hello");
    assert.deepEqual([options.method, options.cache, options.credentials, options.redirect, options.referrerPolicy],
      ["POST", "no-store", "omit", "error", "no-referrer"]);
  }
  const nonces = seen.filter((one) => one.name === "hello").map((one) => one.body.nonce);
  assert.equal(new Set(nonces).size, 2);
  assert.equal(fromBase64Url(nonces[0]).length, 32);
});

for (const [what, how] of Object.entries({
  "a stranger": { knows: `cordon_${"B".repeat(43)}` },
  "another program": { replies: { hello: () => new Response("<html>", { status: 200 }) } },
  "a program without this address": { replies: { hello: () => new Response("", { status: 404 }) } },
  "a fault": { replies: { hello: () => new Response("", { status: 500 }) } },
})) {
  test(`${what} proves nothing, and is sent nothing`, async () => {
    const { service, seen, storage } = await paired(how);
    await assert.rejects(service.preview({ messages: ["text"] }), fails("E3"));
    assert.deepEqual(names(seen), ["hello"]);
    assert.equal(storage.session.kept.size, 1); // it may pass: the pairing is kept
  });
}

for (const state of ["revoked", "expired"]) {
  test(`a proven ${state} ends the pairing`, async () => {
    const { service, seen, storage } = await paired({ state });
    await assert.rejects(service.status(), fails("E2"));
    assert.deepEqual(names(seen), ["hello"]);
    assert.equal(storage.session.kept.size, 0);
    assert.equal(service.paired, false);
  });
}

test("an unproven reply's words are not shown", async () => {
  const { service } = await paired({ replies: { hello: () => refusal(503, "not_ready", { message: "Type your password." }) } });
  await assert.rejects(service.status(), (error) => error.id === "E5" && error.facts.sentence === undefined);
});

test("a 401 ends the pairing; a failed request asks for a new proof", async () => {
  let reply = refusal(503, "analyst_unavailable", {}, { "Retry-After": "7" });
  const { service, seen, storage } = await paired({ replies: { preview: () => reply } });
  await assert.rejects(service.preview({}), (error) => error.id === "E5" && error.facts.seconds === 7);
  reply = refusal(401, "token_unknown");
  await assert.rejects(service.preview({}), fails("E2"));
  assert.deepEqual(names(seen), ["hello", "preview", "hello", "preview"]);
  assert.equal(storage.session.kept.size, 0);
});

test("nobody there is E1; a browser that forbids it is E4", async () => {
  const gone = { hello: () => new TypeError("Failed to fetch") };
  await assert.rejects((await paired({ replies: gone })).service.prove(), fails("E1"));
  await assert.rejects((await paired({ replies: { ...gone, permitted: false } })).service.prove(), fails("E4"));
});

test("a kept pairing lies in local storage only when it is remembered", async () => {
  for (const remember of [false, true]) {
    const { service, storage } = world();
    await service.pair("12345678", remember);
    assert.equal(storage.session.kept.size + storage.local.kept.size, 0); // not before the user said yes
    await service.keep();
    assert.deepEqual([storage.session.kept.size, storage.local.kept.size], remember ? [0, 1] : [1, 0]);
    const again = world();
    Object.assign(again.service, { storage });
    assert.equal(await again.service.load(), true);
    assert.equal(again.service.kid, await kidOf(TOKEN));
    await again.service.forget();
    assert.equal(storage.session.kept.size + storage.local.kept.size, 0);
  }
});

test("a token that is none is not taken", async () => {
  for (const token of ["", "cordon_short", 7, null]) {
    await assert.rejects(world({ replies: { pair: () => Response.json({ token }) } }).service.pair("12345678", false), fails("E3"));
  }
});

const ask = async (reply) => {
  const parts = [];
  const { service } = await paired({ replies: { ask: () => reply } });
  const result = await service.ask({}, { signal: new AbortController().signal, tell: (more) => parts.push(...more) }).catch((e) => e);
  return { result, parts };
};

test("an answer ends with exactly one of its last events", async () => {
  const part = { text: "a" };
  const done = await ask(events(["answer", { parts: [part] }], ["done", { exchange: "x", flags: [] }]));
  assert.deepEqual([done.result.kind, done.parts], ["done", [part]]);
  const refused = await ask(events(["answer", { parts: [part] }], ["refused", { code: "response_refused", rule: "r" }]));
  assert.deepEqual([refused.result.kind, refused.result.rule], ["refused", "r"]);
  const broken = await ask(events(["error", { code: "engine_lost", sentence: "s" }]));
  assert.deepEqual([broken.result.id, broken.result.facts.code], ["E10", "engine_lost"]);
});

for (const [what, reply] of Object.entries({
  "ends early": () => events(["answer", { parts: [] }]),
  "is empty": () => new Response(""),
  "is no JSON": () => new Response("event: answer\ndata: {\n\n"),
  "breaks": () => new Response(new ReadableStream({ start: (c) => c.error(new Error("reset")) })),
})) {
  test(`a stream that ${what} is an incomplete answer`, async () => {
    assert.equal((await ask(reply())).result.id, "E10");
  });
}

test("409 brings the new preview", async () => {
  const reply = Response.json({ error: { code: "preview_changed" }, preview: { sha256: "new" } }, { status: 409 });
  assert.deepEqual((await ask(reply)).result, { kind: "changed", preview: { sha256: "new" } });
});

test("stopping ends the stream and is no error", async () => {
  const own = new AbortController();
  const replies = {
    ask: ({ options }) => new Response(new ReadableStream({
      start: (c) => options.signal.addEventListener("abort", () => c.error(options.signal.reason)),
    })),
  };
  const { service } = await paired({ replies });
  const asked = service.ask({}, { signal: own.signal, tell: () => {} });
  setTimeout(() => own.abort(), 10);
  assert.equal((await asked).kind, "stopped");
});

test("the error state of every status", () => {
  const id = (status, code) => failureOf(status, { code }, null, true).id;
  const table = [
    [401, "token_unknown", "E2"], [401, "token_expired", "E2"], [403, "origin_refused", "E4"], [403, "token_other_user", "E4"],
    [429, "too_many_requests", "E7"], [429, "too_many_attempts", "E7"], [503, "stopping", "E5"], [503, "audit_full", "E5"],
    [500, "internal", "E5"], [413, "body_too_large", "E8"], [413, "text_too_long", "E8"], [400, "context_length_exceeded", "E8"],
    [400, "prompt_refused", "E6"], [400, "pii_refused", "E6"], [400, "language_not_covered", "E6"], [400, "bad_request", "E4"],
  ];
  for (const [status, code, wanted] of table) assert.equal(id(status, code), wanted, code);
  assert.equal(failureOf(502, {}, null, true).facts.code, "http_502");
  for (const [given, seconds] of [["7", 7], ["0", 1], ["9999", 60], [null, 5], ["soon", 5]]) {
    assert.equal(failureOf(503, {}, given, true).facts.seconds, seconds);
  }
});
