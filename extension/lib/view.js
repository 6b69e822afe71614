// The document from the state. Law: text goes in by `textContent` and text nodes only; nothing is ever parsed as HTML.
// Each part is drawn again only when what it shows has changed; an answer only grows.
import { drawParts, growParts } from "./chips.js";
import { badgeOf, canCheck, errorOf, sizeOf } from "./state.js";
import { explain } from "./problems.js";
import { tally } from "./text.js";

const BUSY = new Set(["asking", "answering"]);
const LATE = new Set(["asking", "answering", "answered"]);

/** Sentences with *emphasis* and `code` as nodes. */
export function rich(sentence) {
  return sentence.split(/(\*[^*]+\*|`[^`]+`)/).map((piece) => {
    const name = /^\*.+\*$/.test(piece) ? "strong" : /^`.+`$/.test(piece) ? "code" : "";
    if (!name) return document.createTextNode(piece);
    const node = document.createElement(name);
    node.textContent = piece.slice(1, -1);
    if (name === "code") node.dir = "ltr";
    return node;
  });
}

/** `dt` and `dd` of facts; a fact without a value is left out. */
export function fillFacts(list, facts) {
  list.replaceChildren(
    ...facts.filter(([, value]) => value !== undefined && value !== null && value !== "").flatMap(([name, value]) => {
      const term = document.createElement("dt");
      const what = document.createElement("dd");
      term.textContent = name;
      const inner = document.createElement("bdi");
      inner.textContent = value;
      what.append(inner);
      return [term, what];
    }),
  );
}

export class View {
  #last = {};
  #drawn = 0;
  #parts = null;

  constructor(root) {
    this.root = root;
    this.at = (id) => root.getElementById(id);
  }

  /** Put a language on the page. */
  speak(words) {
    const html = this.root.documentElement;
    html.lang = words.lang;
    html.dir = words.dir;
    for (const node of this.root.querySelectorAll("[data-words]")) node.textContent = words.t(node.dataset.words);
    for (const node of this.root.querySelectorAll("[data-title]")) node.title = words.t(node.dataset.title);
    this.#last = {};
    this.#parts = null;
  }

  /** Draw what changed. */
  draw(state, words, now) {
    this.root.body.dataset.mode = state.mode;
    const locked = state.link.error?.id === "E2" || state.link.error?.id === "E3" || state.pairing.step === "confirming";
    this.root.body.dataset.locked = String(locked);
    this.#badge(state, words, now);
    this.#when("banners", [state.status, state.answer.flags], () => this.#banners(state, words));
    this.#when("error", [state.link.error, state.error, state.pairing, state.settings], () => this.#error(state, words));
    this.#when("about", [state.about, state.status, state.link.provedAt], () => this.#about(state, words));
    this.#source(state, words, locked);
    this.#when("preview", [state.preview], () => this.#preview(state, words));
    this.#when("marks", [state.marked, state.mode], () => this.#marks(state, words));
    this.#previewAround(state);
    this.#answer(state, words);
    this.#bar(state, words, locked);
  }

  #when(name, values, work) {
    const last = this.#last[name];
    if (last && values.every((value, index) => Object.is(value, last[index]))) return;
    this.#last[name] = values;
    work();
  }

  #show(id, shown) {
    this.at(id).hidden = !shown;
  }

  #badge(state, words, now) {
    const kind = badgeOf(state, now);
    const label = kind === "good" ? words.t("badgeGood")
      : kind === "checking" ? words.t("badgeChecking") : explain(state.link.error, state, words).title;
    const badge = this.at("badge");
    badge.dataset.kind = kind;
    badge.setAttribute("aria-expanded", String(state.about));
    const text = badge.querySelector(".label");
    if (text.textContent !== label) text.textContent = label;
    this.#show("new", Boolean(state.text || state.turns.length || state.preview || state.answer.parts.length));
  }

  #banners(state, words) {
    const said = [];
    if (state.status?.unsafe_policy) said.push(["danger", words.t("unsafeBanner")]);
    if (state.answer.flags.length) said.push(["flag", words.t("flagBanner", { rules: words.list(state.answer.flags) })]);
    if (state.status?.model?.demo) said.push(["demo", words.t("demoBanner")]);
    this.at("banners").replaceChildren(...said.map(([kind, sentence]) => {
      const node = document.createElement("p");
      node.className = `banner ${kind}`;
      node.textContent = sentence;
      return node;
    }));
  }

  #error(state, words) {
    const confirming = state.pairing.step === "confirming";
    const error = confirming ? { id: "confirm" } : errorOf(state);
    this.#show("error", error !== null);
    if (error === null) return;
    const said = explain(error, state, words);
    this.at("error").dataset.id = error.id;
    this.at("error").className = confirming || error.id === "E2" ? "card calm" : "card";
    this.at("error-title").textContent = said.title;
    this.at("error-words").replaceChildren(...rich(said.words));
    const pairing = error.id === "E2" && !confirming;
    this.#show("pair", pairing);
    this.#show("remember-row", pairing && state.settings.rememberPairing);
    this.at("pair-problem").replaceChildren(...rich(state.pairing.problem ? words.t(state.pairing.problem) : ""));
    this.at("code").setAttribute("aria-invalid", String(Boolean(state.pairing.problem)));
    this.#show("confirm", confirming);
    this.#show("error-actions", Boolean(said.action || said.other) && !confirming);
    this.#show("error-action", Boolean(said.action));
    this.at("error-action").textContent = said.action;
    this.at("error-other").textContent = said.other;
    this.#show("error-other", Boolean(said.other));
    this.#show("error-details", Boolean(said.facts.length));
    fillFacts(this.at("error-facts"), said.facts);
  }

  /** The seconds until something is tried again by itself. */
  countdown(seconds, words) {
    this.#show("error-retry", seconds > 0);
    this.at("error-retry").textContent = seconds > 0 ? words.t("retryIn", { n: seconds }) : "";
  }

  #about(state, words) {
    this.#show("about", state.about);
    if (!state.about) return;
    const { status, link } = state;
    const today = status?.today;
    fillFacts(this.at("facts"), [
      [words.t("aboutProof"), link.provedAt ? words.clock(link.provedAt) : words.t("aboutProofNever")],
      [words.t("aboutPort"), this.address],
      [words.t("aboutModel"), status?.model && (status.model.demo ? words.t("aboutModelDemo", { name: status.model.id }) : status.model.id)],
      [words.t("aboutPolicy"), status?.policy && `${status.policy.name} · ${String(status.policy.digest ?? "").slice(0, 12)}`],
      [words.t("aboutGuard"), status?.guard && (words.has(`guard_${status.guard.basis}`) ? words.t(`guard_${status.guard.basis}`) : status.guard.basis)],
      [words.t("aboutEvidence"), status?.evidence && `${status.evidence.level}: ${status.evidence.sentence}`],
      [words.t("aboutToday"), today && words.t("aboutTodayCounts", today)],
      [words.t("aboutPairing"), status?.client && words.t("aboutPairingUntil", { time: words.day(status.client.expires * 1000) })],
      [words.t("aboutVersion"), status?.version],
      ["", state.settings.organisation],
    ]);
  }

  #source(state, words, locked) {
    const first = state.turns.length === 0;
    const late = LATE.has(state.mode);
    this.#show("source", !locked && first && !late);
    this.#show("ask", !locked && !late);
    this.#write("text", state.text);
    this.#write("question", state.question);
    this.at("question-title").textContent = words.t(first ? "questionTitle" : "followTitle");
    this.#show("ready", first);
    for (const ready of this.at("ready").children) ready.setAttribute("aria-pressed", String(ready.title === state.question));
    const size = sizeOf(state);
    const near = size.n > size.max * 0.8;
    this.at("count").textContent = near ? words.t("textCount", size) : "";
    this.at("count").classList.toggle("over", size.n > size.max);
    this.#when("removed", [state.removed], () => this.#removed(state, words));
    this.#when("earlier", [state.turns, locked], () => this.#earlier(state, words, locked));
  }

  #write(id, value) {
    const field = this.at(id);
    if (field.value === value) return;
    const before = field.value.length - field.selectionEnd; // the caret stays where it was, counted from the end
    field.value = value;
    if (this.root.activeElement === field) {
      const caret = Math.max(0, value.length - before);
      field.setSelectionRange(caret, caret);
    }
  }

  #removed(state, words) {
    this.#show("removed", state.removed.length > 0);
    this.at("removed-count").textContent = words.t("textRemoved", { n: state.removed.length });
    this.at("removed-list").replaceChildren(...state.removed.slice(0, 20).map(({ code, before }) => {
      const item = document.createElement("li");
      item.textContent = before ? words.t("textRemovedAfter", { code, before }) : words.t("textRemovedStart", { code });
      return item;
    }));
  }

  #earlier(state, words, locked) {
    this.#show("earlier", !locked && state.turns.length > 0);
    this.at("earlier-turns").replaceChildren(...state.turns.flatMap((turn) => [
      this.#turn(words.t("previewYou"), [{ text: turn.message }], words),
      this.#turn(words.t("previewModel"), turn.parts, words, "original"),
    ]));
  }

  #turn(who, parts, words, form = "placeholder") {
    const block = document.createElement("div");
    block.className = "turn";
    const name = document.createElement("p");
    name.className = "soft small";
    name.textContent = who;
    const said = document.createElement("div");
    said.className = "said";
    said.dir = "auto";
    drawParts(said, parts, form, words);
    block.append(name, said);
    return block;
  }

  #preview(state, words) {
    if (!state.preview) {
      for (const id of ["preview-count", "preview-turns", "seen"]) this.at(id).replaceChildren(); // nothing stays hidden
      return;
    }
    const { messages, policy } = state.preview;
    const counted = tally(messages);
    const n = counted.reduce((sum, [, count]) => sum + count, 0);
    const list = words.list(counted.map(([type, count]) => words.t(words.has(`type_${type}`) ? `type_${type}` : "type_OTHER", { n: count })));
    const line = this.at("preview-count");
    const found = document.createElement("strong");
    found.textContent = n ? words.t("previewCount", { n, list }) : words.t("previewNone");
    const named = document.createElement("span");
    named.className = "soft";
    named.textContent = ` · ${words.t("previewPolicy", { policy })}`;
    line.replaceChildren(found, named);
    const earlier = messages.slice(0, -1);
    this.#show("preview-earlier", earlier.length > 0);
    this.at("preview-turns").replaceChildren(...earlier.map((message) =>
      this.#turn(words.t(message.role === "user" ? "previewYou" : "previewModel"), message.parts, words)));
    const seen = this.at("seen");
    seen.dir = "auto";
    drawParts(seen, messages.at(-1)?.parts ?? [], "placeholder", words);
  }

  #marks(state, words) {
    this.#show("marks", state.marked.length > 0 && !LATE.has(state.mode));
    const [label] = this.at("marks").children;
    this.at("marks").replaceChildren(label, ...state.marked.map((literal) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "tag";
      button.dataset.literal = literal;
      const text = document.createElement("bdi");
      text.textContent = literal;
      const cross = document.createElement("span");
      cross.textContent = "×";
      cross.setAttribute("aria-hidden", "true");
      button.append(text, cross);
      button.setAttribute("aria-label", words.t("unmark", { text: literal }));
      return button;
    }));
  }

  #previewAround(state) {
    const late = LATE.has(state.mode);
    this.#show("preview", state.preview !== null);
    this.#show("preview-changed", state.changed);
    this.at("mark").parentElement.hidden = late;
    this.at("preview").classList.toggle("past", late);
    this.at("seen").setAttribute("aria-busy", String(state.mode === "checking"));
  }

  #answer(state, words) {
    const { answer, mode } = state;
    this.#show("answer", LATE.has(mode));
    this.#show("waiting", mode === "asking");
    const said = this.at("said");
    this.#show("said", answer.parts.length > 0);
    said.setAttribute("aria-busy", String(BUSY.has(mode)));
    if (answer.parts !== this.#parts) {
      this.#drawn = growParts(said, answer.parts, this.#parts, this.#drawn, words);
      this.#parts = answer.parts;
    }
    const ended = mode === "answered";
    const empty = ended && answer.how === "done" && answer.parts.length === 0;
    this.#show("ending", answer.how === "stopped" || empty);
    this.at("ending").textContent = words.t(empty ? "answerEmpty" : "answerStopped");
    const full = ended && answer.parts.length > 0;
    this.#show("copies", full);
    this.#show("copy-names", full && state.settings.copyWithNames === "ask");
    this.#show("copied", state.copied !== "");
    this.at("copied").textContent = state.copied ? words.t(state.copied) : "";
    this.#show("onward", ended);
    this.#show("follow", ended && answer.how === "done" && !empty);
    this.#when("model", [state.status], () => {
      this.at("model").textContent = state.status?.model?.id ? words.t("answerModel", { model: state.status.model.id }) : "";
    });
  }

  #bar(state, words, locked) {
    const go = this.at("go");
    const { mode } = state;
    this.#show("bar", !locked && mode !== "answered");
    const name = BUSY.has(mode) ? "stop" : mode === "review" ? "send" : mode === "checking" ? "checking" : "check";
    if (go.dataset.does !== name || go.textContent !== words.t(name)) {
      go.dataset.does = name;
      go.textContent = words.t(name);
    }
    const allowed = name === "stop" || (name === "send" ? state.link.phase === "good" : name === "check" && canCheck(state));
    go.setAttribute("aria-disabled", String(!allowed)); // not `disabled`: the key focus must not be lost
    this.#show("warning", mode === "review");
    this.at("hint").textContent = state.notice || (state.stale ? words.t("previewStale") : "");
  }
}

