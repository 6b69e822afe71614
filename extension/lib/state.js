// What the panel knows, and how it changes. Pure: (state, event) -> state. No clock, no network, no document.
//
//   compose -check-> checking -previewed-> review -send-> asking -answer-> answering -ended-> answered -follow-> compose
//
// Law: an event that the table does not know in a mode changes nothing. `send` exists only in `review`, which only a
// preview of the very text leads to; any edit leads away from it.
import { STRICTEST } from "./settings.js";
import { clean, firstMessage, joined, length, withNames } from "./text.js";

export const MODES = Object.freeze(["compose", "checking", "review", "asking", "answering", "answered"]);

const ALWAYS = { edited: "compose", handed: "compose", reset: "compose" };
export const TABLE = Object.freeze({
  compose: { ...ALWAYS, check: "checking" },
  checking: { ...ALWAYS, previewed: "review", failed: "compose" },
  review: { ...ALWAYS, check: "checking", mark: "checking", unmark: "checking", send: "asking" },
  asking: {
    reset: "compose", handed: "compose", answer: "answering", ended: "answered", changed: "review", failed: "review",
    stopped: "review", refused: "compose",
  },
  answering: {
    reset: "compose", handed: "compose", answer: "answering", ended: "answered", failed: "answered",
    stopped: "answered", refused: "answered",
  },
  answered: { ...ALWAYS, check: "checking", follow: "compose" },
});

const NO_ANSWER = Object.freeze({ parts: [], how: "", flags: [], exchange: "" });
const NO_TEXTS = Object.freeze({
  mode: "compose", text: "", question: "", removed: [], marked: [], preview: null, turns: [], answer: NO_ANSWER,
  error: null, changed: false, copied: "", notice: "", stale: false,
});

export const START = Object.freeze({
  ...NO_TEXTS,
  link: { phase: "checking", error: null, provedAt: 0 },
  pairing: { step: "none", problem: "" },
  status: null,
  settings: STRICTEST,
  about: false,
});

const LINK_ERRORS = new Set(["E1", "E2", "E3", "E4"]);

/** What an event does besides the mode. Each returns the fields that change. */
const EFFECTS = {
  edited: (state, { text, question }) => {
    const cleaned = clean(text ?? state.text);
    return {
      text: cleaned.text,
      removed: cleaned.text ? [...state.removed, ...cleaned.removed] : [],
      question: question ?? state.question,
      answer: NO_ANSWER, error: null, changed: false, copied: "", notice: "", stale: state.preview !== null, preview: null,
    };
  },
  handed: (_state, { text, question, reason }) => {
    if (reason) return { ...NO_TEXTS, error: { id: "E9", code: reason } };
    const cleaned = clean(text);
    return { ...NO_TEXTS, text: cleaned.text, removed: cleaned.removed, question };
  },
  reset: () => NO_TEXTS,
  check: () => ({ error: null, changed: false, answer: NO_ANSWER, copied: "", notice: "", stale: false }),
  previewed: (_state, { preview }) => ({ preview, error: null }),
  changed: (_state, { preview }) => ({ preview, changed: true }),
  mark: (state, { literal }) => ({ marked: [...state.marked, literal], changed: false, error: null }),
  unmark: (state, { literal }) => ({ marked: state.marked.filter((mark) => mark !== literal), error: null }),
  send: () => ({ answer: NO_ANSWER, error: null, changed: false, copied: "", notice: "" }),
  answer: (state, { parts }) => ({ answer: { ...state.answer, parts: joined(state.answer.parts, parts) } }),
  ended: (state, { flags, exchange }) => ({
    answer: { ...state.answer, how: "done", flags: flags ?? [], exchange: exchange ?? "" },
  }),
  stopped: (state) => (state.mode === "asking" ? {} : { answer: { ...state.answer, how: "stopped" } }),
  refused: (state, { error }) => ({
    error, preview: null, answer: state.mode === "asking" ? NO_ANSWER : { ...state.answer, how: "refused" },
  }),
  failed: (state, { error }) => ({
    error: LINK_ERRORS.has(error.id) ? null : error,
    answer: state.mode === "answering" ? { ...state.answer, how: "incomplete" } : state.answer,
  }),
  follow: (state) => ({
    turns: [...state.turns, { message: messageOf(state), parts: state.answer.parts }],
    text: "", question: "", removed: [], preview: null, answer: NO_ANSWER, error: null, copied: "", stale: false,
  }),
};

/** Events that are about the service and the panel, in any mode. */
const ANYTIME = {
  proving: (state) => ({ link: { ...state.link, phase: state.link.phase === "good" ? "good" : "checking" } }),
  proved: (state, { at, status }) => ({
    link: { phase: "good", error: null, provedAt: at }, status, pairing: { step: "none", problem: "" },
  }),
  linkFailed: (state, { error }) => ({
    link: { ...state.link, phase: "bad", error },
    status: error.id === "E2" || error.id === "E3" ? null : state.status,
    pairing: error.id === "E2" ? { step: "entering", problem: "" } : { step: "none", problem: "" },
  }),
  pairing: (_state, { step, problem }) => ({ pairing: { step, problem: problem ?? "" } }),
  newPairing: () => ({ ...NO_TEXTS, pairing: { step: "confirming", problem: "" } }),
  settings: (_state, { settings }) => ({ settings }),
  about: (state) => ({ about: !state.about }),
  copied: (_state, { form }) => ({ copied: form }),
  notice: (_state, { notice }) => ({ notice }),
  problem: (_state, { error }) => ({ error }),
  solved: () => ({ error: null }),
};

/** The next state. */
export function reduce(state, event) {
  if (event.type in ANYTIME) return { ...state, ...ANYTIME[event.type](state, event) };
  const mode = TABLE[state.mode][event.type];
  if (mode === undefined) return state;
  return { ...state, ...EFFECTS[event.type](state, event), mode };
}

/** The error to show: one about the service comes before one about a question. */
export function errorOf(state) {
  return state.link.error ?? state.error;
}

/** `checking`, `good` or `bad`. Good only while a proof is younger than a minute and the service told its status. */
export function badgeOf(state, now) {
  if (state.link.phase === "bad") return "bad";
  return state.link.phase === "good" && state.status && now - state.link.provedAt < 60_000 ? "good" : "checking";
}

/** The new message of the user: question and text, or the follow-up alone. */
export function messageOf(state) {
  return firstMessage(state.question, state.text);
}

/** The whole conversation as it is sent: earlier answers with their names, because the service redacts it as one. */
export function requestOf(state) {
  const messages = state.turns.flatMap((turn) => [
    { role: "user", content: turn.message },
    { role: "assistant", content: withNames(turn.parts) },
  ]);
  return { messages: [...messages, { role: "user", content: messageOf(state) }], marked: state.marked };
}

/** Characters of the whole request, and the lower of the two limits. */
export function sizeOf(state) {
  const n = requestOf(state).messages.reduce((sum, message) => sum + length(message.content), 0);
  return { n, max: Math.min(state.status?.limits?.chars ?? state.settings.maxChars, state.settings.maxChars) };
}

/** Whether there is something to check, and somebody to ask. */
export function canCheck(state) {
  const ready = ["compose", "review", "answered"].includes(state.mode) && state.link.phase === "good";
  return ready && messageOf(state) !== "" && (state.turns.length > 0 ? state.question.trim() !== "" : state.text.trim() !== "");
}
