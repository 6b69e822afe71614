// The machine, walked over all pairs of mode and event: what the table does not know changes nothing, and no way but a
// preview of the very text leads to `send`.
import assert from "node:assert/strict";
import test from "node:test";
import { badgeOf, canCheck, errorOf, messageOf, MODES, reduce, requestOf, sizeOf, START, TABLE } from "../../../../extension/lib/state.js";
import { settingsOf } from "../../../../extension/lib/settings.js";

const PARTS = [{ text: "for " }, { placeholder: "[NAME_1]", type: "NAME", original: "Ana" }];
const PREVIEW = { messages: [{ role: "user", parts: PARTS }], policy: "p", sha256: "00" };
const EVENTS = {
  edited: { text: "new" }, handed: { text: "handed", question: "Why?" }, reset: {}, check: {}, previewed: { preview: PREVIEW },
  failed: { error: { id: "E5" } }, mark: { literal: "Bo" }, unmark: { literal: "Bo" }, send: {}, changed: { preview: PREVIEW },
  answer: { parts: PARTS }, ended: { flags: ["rule"], exchange: "x" }, stopped: {}, refused: { error: { id: "E6" } }, follow: {},
};
const WAYS = {
  compose: ["edited"], checking: ["edited", "check"], review: ["edited", "check", "previewed"],
  asking: ["edited", "check", "previewed", "send"], answering: ["edited", "check", "previewed", "send", "answer"],
  answered: ["edited", "check", "previewed", "send", "answer", "ended"],
};
const good = { type: "proved", at: 1000, status: { version: "1", limits: { chars: 100 }, model: { id: "m", demo: false } } };

function at(mode) {
  const begun = [good, { type: "settings", settings: settingsOf({}) }].reduce(reduce, START);
  return WAYS[mode].reduce((state, type) => reduce(state, { type, ...EVENTS[type] }), begun);
}

for (const mode of MODES) {
  for (const type of Object.keys(EVENTS)) {
    test(`${mode}, ${type}`, () => {
      const before = at(mode);
      assert.equal(before.mode, mode);
      const after = reduce(before, { type, ...EVENTS[type] });
      const known = TABLE[mode][type];
      if (known === undefined) return assert.equal(after, before);
      assert.equal(after.mode, known);
      if (after.mode === "review") assert.notEqual(after.preview, null);
      if (["compose", "checking", "review"].includes(after.mode)) assert.deepEqual(after.answer.parts, []);
      if (type === "edited" || type === "reset" || type === "handed") assert.equal(after.preview, null);
      assert.equal(Object.isFrozen(START), true);
    });
  }
}

test("the table knows no event that is not walked, and every mode is reached", () => {
  for (const mode of MODES) for (const type of Object.keys(TABLE[mode])) assert.ok(type in EVENTS, type);
  assert.deepEqual(new Set(MODES.flatMap((mode) => Object.values(TABLE[mode]))), new Set(MODES));
  assert.deepEqual(MODES.filter((mode) => "send" in TABLE[mode]), ["review"]);
});

test("the badge is green for a minute after a proof and never without a status", () => {
  const state = at("compose");
  assert.equal(badgeOf(state, 1000), "good");
  assert.equal(badgeOf(state, 60_999), "good");
  assert.equal(badgeOf(state, 61_000), "checking");
  assert.equal(badgeOf({ ...state, status: null }, 1000), "checking");
  assert.equal(badgeOf(reduce(state, { type: "linkFailed", error: { id: "E3" } }), 1000), "bad");
  assert.equal(badgeOf(START, 0), "checking");
});

test("a follow-up sends the whole conversation, earlier answers with their names", () => {
  const state = ["follow"].reduce((s, type) => reduce(s, { type }), at("answered"));
  const asked = reduce(state, { type: "edited", question: "And then?" });
  assert.deepEqual(requestOf(asked).messages, [
    { role: "user", content: "new" }, { role: "assistant", content: "for Ana" }, { role: "user", content: "And then?" },
  ]);
  assert.equal(canCheck(state), false);
  assert.equal(canCheck(asked), true);
});

test("marks are kept through edits and gone with the text", () => {
  const marked = reduce(at("review"), { type: "mark", literal: "Bo" });
  assert.deepEqual(marked.marked, ["Bo"]);
  assert.deepEqual(reduce(marked, { type: "edited", text: "x" }).marked, ["Bo"]);
  assert.deepEqual(reduce(marked, { type: "reset" }).marked, []);
});

test("the lower limit counts, over the whole conversation", () => {
  const state = { ...at("compose"), settings: settingsOf({ maxChars: 150 }) };
  assert.deepEqual(sizeOf(state), { n: 3, max: 100 });
  assert.equal(sizeOf({ ...state, status: null }).max, 150);
});

test("a problem of the service comes before one of a question", () => {
  const both = reduce(reduce(at("checking"), { type: "failed", error: { id: "E5" } }), { type: "linkFailed", error: { id: "E1" } });
  assert.equal(errorOf(both).id, "E1");
  assert.equal(errorOf(reduce(both, good)).id, "E5");
});

test("a new pairing, and nothing to read, leave no text behind", () => {
  assert.equal(messageOf(reduce(at("answered"), { type: "newPairing" })), "");
  const nothing = reduce(at("review"), { type: "handed", reason: "nothing" });
  assert.equal(messageOf(nothing), "");
  assert.equal(nothing.error.id, "E9");
});
