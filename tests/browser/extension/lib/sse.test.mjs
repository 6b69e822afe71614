// Cutting the input differently changes nothing, at every cut; what is not complete never arrived.
import assert from "node:assert/strict";
import test from "node:test";
import { EventStream } from "../../../../extension/lib/sse.js";

const INPUT = [
  "\uFEFFevent: answer\ndata: {\"parts\":[{\"text\":\"සිංහල 👩🏽‍⚕️\"}]}\n\n", ": a comment\r\n", "event: answer\rdata: one\rdata: two\r\r",
  "data:no space\r\n\r\n", "id: 7\nretry: 10\nunknown\ndata\n\n", "event: empty\n\n", "event: done\r\ndata: {}\r\n\r\n",
].join("");

function read(pieces) {
  const stream = new EventStream();
  return [...pieces.flatMap((piece) => stream.feed(piece)), ...stream.finish()];
}

test("the events of the input", () => {
  assert.deepEqual(read([INPUT]), [
    { event: "answer", data: '{"parts":[{"text":"සිංහල 👩🏽‍⚕️"}]}' }, { event: "answer", data: "one\ntwo" },
    { event: "message", data: "no space" }, { event: "message", data: "" }, { event: "done", data: "{}" },
  ]);
});

test("every cut in two, every cut in three around a line end, and one character at a time", () => {
  const whole = read([INPUT]);
  for (let cut = 0; cut <= INPUT.length; cut += 1) {
    assert.deepEqual(read([INPUT.slice(0, cut), INPUT.slice(cut)]), whole, `cut at ${cut}`);
    assert.deepEqual(read([INPUT.slice(0, cut), "", INPUT.slice(cut, cut + 1), INPUT.slice(cut + 1)]), whole);
  }
  assert.deepEqual(read([...INPUT]), whole);
});

test("an event without its empty line never arrived", () => {
  assert.deepEqual(read(["event: done\ndata: {}\n"]), []);
  assert.deepEqual(read(["event: done\ndata: {}"]), []);
  assert.deepEqual(read(["event: done\ndata: {}\r\r"]).length, 1);
});
