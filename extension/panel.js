// Wires what the user does and what the service says to state and view.
// Law: texts live in this page's memory only. Nothing is sent without a fresh proof, and no question without *Send*.
import { HOST } from "./lib/address.js";
import { Failure, Service } from "./lib/api.js";
import { turn } from "./lib/chips.js";
import { languageOf, LANGUAGES, watchManaged } from "./lib/settings.js";
import { badgeOf, canCheck, errorOf, reduce, requestOf, sizeOf, START } from "./lib/state.js";
import { withNames, withPlaceholders, words as countWords } from "./lib/text.js";
import { fillFacts, View } from "./lib/view.js";
import { STRINGS, wordsOf } from "./lib/words.js";

const api = globalThis.browser ?? globalThis.chrome;
const PROVE_EVERY_MS = 30_000;
const SHOWN_MS = 5_000;
const MARKS = 20;
const MARK_CHARS = 200;
const NATIVE = Object.freeze({ permissions: ["nativeMessaging"] });
const READY = ["readySummary", "readyPlain", "readyProblems", "readyLetter"];
const REGIONS = ["top", "text-title", "question-title", "preview-title", "answer-title", "bar"];

const service = new Service({
  fetch: (...request) => fetch(...request),
  storage: api.storage,
  permitted: () => api.permissions.contains({ origins: api.runtime.getManifest().host_permissions }),
  now: () => performance.now(),
  random: (count) => crypto.getRandomValues(new Uint8Array(count)),
  origin: location.origin,
});
const view = new View(document);
view.address = HOST;
const at = (id) => document.getElementById(id);

let state = START;
let words = wordsOf("en");
let chosen = "";
let running = null; // the AbortController of a check or an answer
let again = { timer: 0, ticker: 0 };
let lastInput = Date.now();
let settled = () => {};

function tell(event) {
  state = reduce(state, event);
  draw();
}

function draw() {
  view.draw(state, words, Date.now());
}

/** Speak once to a screen reader. */
function say(sentence) {
  at("say").textContent = "";
  requestAnimationFrame(() => (at("say").textContent = sentence));
}

// ---- the service ---------------------------------------------------------------------------------------------------

/** Let the service prove itself and tell its status. Returns whether it did. */
async function prove() {
  tell({ type: "proving" });
  try {
    await service.prove();
    const status = await service.status();
    if (state.status && state.status.version !== status.version) tell({ type: "reset" });
    tell({ type: "proved", at: Date.now(), status });
    return true;
  } catch (error) {
    linkFailed(error, { byUser: false });
    return false;
  }
}

function factsOf(error) {
  return error instanceof Failure ? { id: error.id, ...error.facts } : { id: "E5", code: "panel_fault" };
}

function linkFailed(error, { byUser }) {
  const facts = factsOf(error);
  const before = state.link.error?.id;
  tell({ type: "linkFailed", error: facts });
  if (facts.id === "E5" || facts.id === "E7") tryAgain(facts.seconds ?? 5, prove);
  if (facts.id !== before) (byUser ? focusError : sayError)();
}

/** A check or an answer failed: either the service is not there, or this request was not taken. */
function failed(error) {
  const facts = factsOf(error);
  if (["E1", "E2", "E3", "E4"].includes(facts.id)) {
    tell({ type: "failed", error: facts });
    linkFailed(error, { byUser: true });
    return;
  }
  if (facts.id === "E8" && !facts.max && facts.status === 413) {
    const { n, max } = sizeOf(state);
    if (n > max) Object.assign(facts, { chars: n, max });
  }
  tell({ type: facts.id === "E6" ? "refused" : "failed", error: facts });
  focusError();
  prove(); // after any failed request
}

function focusError() {
  at("error-title").focus();
}

function sayError() {
  if (errorOf(state)) say(at("error-title").textContent);
}

function tryAgain(seconds, work) {
  stopTrying();
  let left = seconds;
  view.countdown(left, words);
  again.ticker = setInterval(() => view.countdown((left -= 1), words), 1000);
  again.timer = setTimeout(() => (stopTrying(), work()), seconds * 1000);
}

function stopTrying() {
  clearInterval(again.ticker);
  clearTimeout(again.timer);
  view.countdown(0, words);
}

// ---- check, send, stop ---------------------------------------------------------------------------------------------

function begin() {
  stopTrying();
  running?.abort();
  running = new AbortController();
  return running;
}

/** Ask what the model would see of the text as it is now. */
async function check(event = { type: "check" }) {
  const size = sizeOf(state);
  if (size.n > size.max) {
    tell({ type: "problem", error: { id: "E8", code: "text_too_long", chars: size.n, max: size.max } });
    return focusError();
  }
  const own = begin();
  tell(event);
  if (state.mode !== "checking") return;
  try {
    const preview = await service.preview(requestOf(state), own.signal);
    if (own !== running || own.signal.aborted) return;
    tell({ type: "previewed", preview });
    at("preview-title").scrollIntoView({ block: "nearest" });
    say(at("preview-count").textContent);
  } catch (error) {
    if (own !== running || own.signal.aborted) return;
    failed(error);
    if (errorOf(state)?.id === "E5") tryAgain(errorOf(state).seconds ?? 5, () => check());
  }
}

/** Send what the preview showed. */
async function send() {
  if (state.mode !== "review" || state.link.phase !== "good") return;
  const own = begin();
  const request = { ...requestOf(state), sha256: state.preview.sha256 };
  tell({ type: "send" });
  at("answer-title").scrollIntoView({ block: "nearest" });
  const grow = (parts) => own === running && !own.signal.aborted && tell({ type: "answer", parts });
  try {
    const result = await service.ask(request, { signal: own.signal, tell: grow });
    if (own === running) ended(result);
  } catch (error) {
    if (own !== running) return;
    failed(error);
    if (errorOf(state)?.id === "E5") tryAgain(errorOf(state).seconds ?? 5, send);
  } finally {
    settled();
  }
}

function ended(result) {
  if (result.kind === "done") {
    tell({ type: "ended", flags: result.flags, exchange: result.exchange });
    say(words.t("answerReady", { n: countWords(withNames(state.answer.parts)) }));
  } else if (result.kind === "stopped") {
    tell({ type: "stopped" });
    say(words.t("answerStopped"));
  } else if (result.kind === "refused") {
    tell({ type: "refused", error: { id: "E6", code: result.code, rule: result.rule, sentence: result.sentence } });
    focusError();
  } else if (result.preview) {
    tell({ type: "changed", preview: result.preview });
  } else {
    tell({ type: "changed", preview: state.preview });
    check();
  }
}

function stop() {
  stopTrying();
  running?.abort();
}

function startOver(event = { type: "reset" }) {
  stop();
  tell(event);
}

async function copy(form) {
  const { parts } = state.answer;
  try {
    await navigator.clipboard.writeText(form === "copiedNames" ? withNames(parts) : withPlaceholders(parts));
    tell({ type: "copied", form });
  } catch {
    tell({ type: "copied", form: "copyFailed" });
  }
  say(at("copied").textContent);
}

function mark() {
  const literal = selectedInPreview();
  if (!literal) return;
  if (state.marked.length >= MARKS) return say(words.t("markLimit"));
  getSelection().removeAllRanges();
  check({ type: "mark", literal });
}

/** What is selected inside the preview, as the original has it; chips count as nothing. */
function selectedInPreview() {
  const selection = getSelection();
  if (!selection.rangeCount || !at("seen").contains(selection.getRangeAt(0).commonAncestorContainer)) return "";
  const piece = selection.getRangeAt(0).cloneContents();
  if (piece.querySelector(".chip")) return "";
  const literal = piece.textContent.trim();
  return [...literal].length <= MARK_CHARS && !state.marked.includes(literal) ? literal : "";
}

// ---- pairing -------------------------------------------------------------------------------------------------------

async function pair() {
  const code = at("code").value.replace(/[\s-]/g, "");
  if (!/^\d{8}$/.test(code)) return tell({ type: "pairing", step: "entering", problem: "codeShort" });
  tell({ type: "pairing", step: "sending" });
  try {
    await service.pair(code, state.settings.rememberPairing && at("remember").checked);
    at("code").value = "";
    tell({ type: "newPairing" });
    focusError();
  } catch (error) {
    const facts = factsOf(error);
    const problem = { pairing_code_wrong: "codeWrong", pairing_closed: "codeClosed" }[facts.code];
    if (problem) tell({ type: "pairing", step: "entering", problem });
    else linkFailed(error, { byUser: true });
  }
}

async function confirmPairing(same) {
  if (!same) {
    await service.forget();
    return linkFailed(new Failure("E3", { code: "not_confirmed" }), { byUser: true });
  }
  await service.keep();
  tell({ type: "pairing", step: "none" });
  if (await prove()) {
    say(words.t("paired"));
    await takePending();
  }
}

/**
 * On a managed computer the browser itself starts a small program of Cordon's, which asks the service for a token over the
 * user's own socket. The browser lets only this extension start it, and nobody can squat a socket's path.
 */
async function connectManaged() {
  if (!(await api.permissions.contains(NATIVE))) return false;
  try {
    await service.adopt(await api.runtime.sendNativeMessage("org.cordon.pair", { op: "token", origin: location.origin }), false);
    await service.keep();
    return true;
  } catch {
    return false; // not set up here, or the service is down: the digits are left
  }
}

async function connectWithoutDigits() {
  await api.permissions.request(NATIVE).catch(() => false);
  if (!(await connectManaged())) return tell({ type: "pairing", step: "entering", problem: "E2_none" });
  tell({ type: "pairing", step: "none" });
  if (await prove()) await takePending();
}

function pairAgain() {
  service.forget();
  linkFailed(new Failure("E2", { code: "token_missing" }), { byUser: true });
}

// ---- what came from a page -----------------------------------------------------------------------------------------

async function takePending() {
  const { pending } = await api.storage.session.get("pending");
  if (!pending || !service.paired) return;
  const { id } = await api.windows.getCurrent();
  if (pending.windowId !== id) return;
  await api.storage.session.remove("pending");
  lastInput = Date.now();
  startOver({ type: "handed", ...pending, question: words.t("readySummaryFull") });
  if (pending.reason) return focusError();
  if (state.link.phase === "good" || (await prove())) await check();
}

// ---- actions of errors ---------------------------------------------------------------------------------------------

async function act() {
  const error = errorOf(state);
  stopTrying();
  const focusText = () => (tell({ type: "solved" }), at(state.turns.length ? "question" : "text").focus());
  const retry = { review: send, compose: () => canCheck(state) && check(), answered: () => check() };
  const actions = {
    E1: prove,
    E3: () => (service.paired ? prove() : pairAgain()),
    E4: allow,
    E5: () => (state.link.error ? prove() : retry[state.mode]?.()),
    E6: () => (tell({ type: "edited" }), focusText()),
    E7: () => (state.link.error ? prove() : retry[state.mode]?.()),
    E8: focusText,
    E9: focusText,
    E10: () => check(),
  };
  await actions[error?.id]?.();
}

async function allow() {
  if (state.link.error?.code === "host_permission") {
    await api.permissions.request({ origins: api.runtime.getManifest().host_permissions }).catch(() => false);
  }
  await prove();
}

function actOtherwise() {
  if (errorOf(state)?.id === "E2") return connectWithoutDigits();
  return errorOf(state)?.id === "E3" ? pairAgain() : prove();
}

// ---- the page ------------------------------------------------------------------------------------------------------

function listen() {
  const edited = (change) => (stopTrying(), tell({ type: "edited", ...change }));
  at("text").addEventListener("input", () => edited({ text: at("text").value }));
  at("question").addEventListener("input", () => edited({ question: at("question").value }));
  at("go").addEventListener("click", go);
  at("mark").addEventListener("pointerdown", (event) => event.preventDefault()); // keeps the selection
  at("mark").addEventListener("click", mark);
  at("copy").addEventListener("click", () => copy("copied"));
  at("copy-names").addEventListener("click", () => copy("copiedNames"));
  at("follow").addEventListener("click", () => (tell({ type: "follow" }), at("question").focus()));
  at("edit").addEventListener("click", () => (tell({ type: "edited" }), at(state.turns.length ? "question" : "text").focus()));
  at("new").addEventListener("click", () => (startOver(), at("text").focus()));
  at("badge").addEventListener("click", toggleAbout);
  at("about-close").addEventListener("click", () => (tell({ type: "about" }), at("badge").focus()));
  at("unpair").addEventListener("click", unpair);
  at("language").addEventListener("change", () => chooseLanguage(at("language").value));
  at("pair").addEventListener("submit", (event) => (event.preventDefault(), pair()));
  at("confirm-yes").addEventListener("click", () => confirmPairing(true));
  at("confirm-no").addEventListener("click", () => confirmPairing(false));
  at("error-action").addEventListener("click", act);
  at("error-other").addEventListener("click", actOtherwise);
  at("marks").addEventListener("click", (event) => {
    const tag = event.target.closest(".tag");
    if (tag) check({ type: "unmark", literal: tag.dataset.literal });
  });
  document.addEventListener("click", (event) => reveal(event.target.closest(".chip")));
  document.addEventListener("selectionchange", () => (at("mark").disabled = selectedInPreview() === ""));
  document.addEventListener("keydown", keys);
  for (const kind of ["keydown", "pointerdown", "input"]) {
    document.addEventListener(kind, () => (lastInput = Date.now()), { capture: true, passive: true });
  }
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && service.paired && prove());
  api.storage.onChanged.addListener((changes, area) => {
    if (area === "session" && changes.pending?.newValue) takePending();
  });
}

function go() {
  if (at("go").getAttribute("aria-disabled") === "true") return;
  ({ check, send, stop })[at("go").dataset.does]?.();
}

function keys(event) {
  if (event.key === "Enter" && event.ctrlKey) {
    event.preventDefault();
    if (at("go").dataset.does !== "stop") go();
  } else if (event.key === "Escape" && at("go").dataset.does === "stop") {
    stop();
  } else if (event.key === "F6") {
    event.preventDefault();
    nextRegion(event.shiftKey ? -1 : 1);
  }
}

function nextRegion(step) {
  const shown = REGIONS.map(at).filter((node) => node.checkVisibility());
  const here = shown.findLastIndex((node) => {
    const region = node.closest("section") ?? node;
    return region.contains(document.activeElement);
  });
  shown[(here + step + shown.length) % shown.length]?.focus();
}

function reveal(chip) {
  if (!chip || chip.classList.contains("turned")) return;
  const back = turn(chip);
  say(words.t("chipShown", chip.dataset));
  setTimeout(back, SHOWN_MS);
}

async function unpair() {
  await service.unpair().catch(() => {});
  tell({ type: "about" });
  startOver();
  pairAgain();
}

function toggleAbout() {
  tell({ type: "about" });
  if (!state.about) return;
  fillKeys();
  at("about-title").focus();
  if (service.paired) prove(); // the counts of today and the last proof, as they are now
}

async function fillKeys() {
  const commands = await api.commands.getAll();
  const shortcut = commands.find((command) => command.name === "ask-selection")?.shortcut;
  fillFacts(at("keys"), [
    [words.t("keySelection"), shortcut || words.t("keyUnset")], [words.t("keyNext"), "Ctrl+Enter"],
    [words.t("keyStop"), "Esc"], [words.t("keyRegions"), "F6"],
  ]);
}

function speak() {
  const language = languageOf(state.settings.uiLanguage, chosen, navigator.languages);
  words = wordsOf(language, navigator.languages);
  view.speak(words);
  at("ready").replaceChildren(...READY.map((key) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "ready";
    button.textContent = words.t(key);
    button.title = words.t(`${key}Full`);
    button.addEventListener("click", () => tell({ type: "edited", question: words.t(`${key}Full`) }));
    return button;
  }));
  const options = [["", words.t("languageAuto")], ...LANGUAGES.map((name) => [name, STRINGS[name].languageName])];
  at("language").replaceChildren(...options.map(([value, name]) => {
    const option = document.createElement("option");
    Object.assign(option, { value, textContent: name, selected: value === chosen, lang: value || language });
    return option;
  }));
  at("language").disabled = state.settings.uiLanguage !== "";
  if (state.about) fillKeys();
  draw();
}

async function chooseLanguage(name) {
  chosen = name;
  await api.storage.local.set({ language: name });
  speak();
  at("language").focus();
}

/** Each second: the badge grows old, texts are cleared, the service proves itself again. */
function tick() {
  if (badgeOf(state, Date.now()) !== at("badge").dataset.kind) draw();
  const minutes = state.settings.idleClearMinutes;
  const holds = state.text || state.question || state.turns.length || state.preview || state.answer.parts.length;
  if (holds && Date.now() - lastInput >= minutes * 60_000) {
    startOver();
    tell({ type: "notice", notice: words.t("cleared", { n: minutes }) });
  }
}

async function start() {
  listen();
  speak();
  setInterval(tick, 1000);
  setInterval(() => service.paired && document.visibilityState === "visible" && prove(), PROVE_EVERY_MS);
  watchManaged(api.storage, (settings) => {
    const language = settings.uiLanguage !== state.settings.uiLanguage;
    tell({ type: "settings", settings });
    if (language) speak();
  });
  const { language } = await api.storage.local.get("language");
  if (language) {
    chosen = language;
    speak();
  }
  if ((await service.load()) || (await connectManaged())) await prove();
  else linkFailed(new Failure("E2", { code: "token_missing" }), { byUser: false });
  await takePending();
  document.body.dataset.started = "true";
}

start();
