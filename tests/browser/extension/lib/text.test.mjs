// What the panel does with text by itself.
import assert from "node:assert/strict";
import test from "node:test";
import { clean, firstMessage, joined, length, tally, withNames, withPlaceholders, words } from "../../../../extension/lib/text.js";

const name = { placeholder: "[NAME_1]", type: "NAME", original: "Ana" };

test("hidden characters are removed, counted and located", () => {
  const hidden = ["\u202A", "\u202E", "\u2066", "\u2069", "\u200B", "\u2060", "\uFEFF", "\u00AD", "\u{E0000}", "\u{E0041}", "\u{E007F}"];
  const { text, removed } = clean(hidden.map((char, i) => `word${i}${char}`).join(""));
  assert.equal(text, hidden.map((_, i) => `word${i}`).join(""));
  assert.deepEqual(removed.map((r) => r.code).slice(0, 3), ["U+202A", "U+202E", "U+2066"]);
  assert.equal(removed.at(-1).code, "U+E007F");
  assert.equal(removed[0].before, "word0");
  assert.ok(!removed.some((r) => hidden.some((char) => r.before.includes(char))));
});

test("joiners stay: three scripts of the panel cannot be written without them", () => {
  for (const text of ["ශ්‍රී ලංකා", "க்‌ஷ", "می‌خواهم", "👩‍⚕️", "line\nbreak\ttab"]) assert.equal(clean(text).text, text);
  assert.deepEqual(clean("").removed, []);
});

test("a text is as long as its code points", () => {
  assert.equal(length("👩‍⚕️a"), 5);
  assert.equal(length("සිංහල"), [..."සිංහල"].length);
});

test("an answer cut differently is the same answer", () => {
  const parts = [{ text: "abc" }, name, { text: "d" }, { text: "ef" }, name];
  const cut = [{ text: "a" }, { text: "" }, { text: "bc" }, name, { text: "def" }, name];
  assert.deepEqual(joined([], parts), joined(joined([], cut.slice(0, 2)), cut.slice(2)));
  assert.equal(withNames(joined([], parts)), "abcAnadefAna");
  assert.equal(withPlaceholders(joined([], parts)), "abc[NAME_1]def[NAME_1]");
});

test("each placeholder counts once, over all messages", () => {
  const date = { placeholder: "[DATE_1]", type: "DATE", original: "x" };
  const other = { placeholder: "[NAME_2]", type: "NAME", original: "Bo" };
  assert.deepEqual(tally([{ parts: [name, date] }, { parts: [{ text: "y" }, name, other] }]), [["NAME", 2], ["DATE", 1]]);
  assert.deepEqual(tally([{ parts: [{ text: "y" }] }]), []);
});

test("question and text are one message", () => {
  assert.equal(firstMessage(" Why? ", " text \n"), "Why?\n\ntext");
  assert.equal(firstMessage("", "text"), "text");
  assert.equal(firstMessage("Why?", ""), "Why?");
});

test("words are counted in every script of the panel", () => {
  assert.equal(words("Answer ready, now."), 3);
  assert.equal(words("أحمد علي مريض"), 3);
  assert.ok(words("නිමල් පෙරේරා") >= 2);
});
