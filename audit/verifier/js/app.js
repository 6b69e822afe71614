// The page: files in, the desk in a worker, the answer out. It stores nothing and asks no one.

const SLOTS = [
  { kind: "package", what: "Package", hint: "cordon-export_….zip from the workstation" },
  { kind: "trust", what: "Whom you believe", hint: "trust.json; not needed with keyring and identity" },
  { kind: "keyring", what: "Keyring", hint: "keyring.age; opens the contents" },
  { kind: "identity", what: "Your identity", hint: "….identity.age; opens the keyring" },
  { kind: "anchor", what: "Your earlier checks", hint: "anchor notes (.note); optional, any number" },
];
const STAGE_WORDS = ["Opening your identity", "Reading every file of the package", "Checking whose log it is", "Recomputing the history", "Looking for gaps and missing contents", "Opening every record", "Counting again"];
const STAGE_STARTS = [0, 0, 34, 34, 48, 52, 99, 100];
const $ = (id) => document.getElementById(id);
const files = { package: null, trust: null, keyring: null, identity: null, anchor: [] };
let desk = startDesk();
let answer = null;
let view = { text: "", result: "", page: 0 };

/** The desk in a worker made from this very page; in the page itself where a browser allows no worker. */
function startDesk() {
  const waiting = new Map();
  let next = 0;
  let worker;
  try {
    const source = new Blob([$("engine").textContent, "\nCordon.serve(self);\n"], { type: "text/javascript" });
    const address = URL.createObjectURL(source);
    worker = new Worker(address);
    URL.revokeObjectURL(address);
  } catch {
    const local = new Cordon.Desk(showProgress, () => new Promise((done) => setTimeout(done)));
    return { ask: async (verb, given) => local[verb](given), end: () => local.forget() };
  }
  worker.onmessage = ({ data }) => {
    if (data.progress) {
      showProgress(data.progress);
      return;
    }
    const { done, fail } = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.error === undefined) done(data.value);
    else fail(new Error(data.error));
  };
  worker.onerror = () => {
    for (const { fail } of waiting.values()) fail(new Error("The check stopped: this browser ran out of memory or refused to go on. Nothing was decided."));
    waiting.clear();
  };
  const ask = (verb, given) =>
    new Promise((done, fail) => {
      next += 1;
      waiting.set(next, { done, fail });
      worker.postMessage({ id: next, verb, given });
    });
  return { ask, end: () => worker.terminate() };
}

function showProgress({ stage, done, total }) {
  const share = total > 0 ? done / total : 0;
  const value = stage === 0 ? share * 100 : STAGE_STARTS[stage] + share * (STAGE_STARTS[stage + 1] - STAGE_STARTS[stage]);
  $("stage").textContent = `${STAGE_WORDS[stage]} …`;
  $("progress").value = Math.round(value);
}

// --- files

async function take(list) {
  showProblem("");
  for (const file of list) {
    const kind = await Cordon.kindOf(file);
    if (kind === "unknown") showProblem(`${file.name} is not a file this page knows. It was left out.`);
    else if (kind === "anchor") files.anchor = [...files.anchor.filter(({ name }) => name !== file.name), file];
    else files[kind] = file;
  }
  await showSlots();
}

async function showSlots() {
  const shown = SLOTS.map(({ kind, what, hint }) => {
    const have = kind === "anchor" ? files.anchor.length > 0 : files[kind] !== null;
    const names = kind === "anchor" ? files.anchor.map(({ name }) => name).join(", ") : (files[kind]?.name ?? "");
    const remove = el("button", { type: "button", "aria-label": `Remove ${what}` }, "Remove");
    remove.addEventListener("click", () => {
      files[kind] = kind === "anchor" ? [] : null;
      void showSlots();
    });
    const mark = el("span", { class: "mark", "aria-hidden": "true" }, have ? "✓" : "○");
    return el("li", { class: have ? "slot have" : "slot" }, mark, el("span", { class: "what" }, what), el("span", { class: "file" }, have ? names : hint), have ? remove : null);
  });
  $("slots").replaceChildren(...shown);
  $("passphrase-field").hidden = files.identity === null || !(await Cordon.needsPassphrase(files.identity));
  const missing = whatIsMissing();
  $("check").disabled = missing !== "";
  $("next").textContent = missing === "" ? readyWords() : missing;
}

function whatIsMissing() {
  if (files.package === null) return "Next: add the package.";
  if (files.keyring !== null && files.identity === null && files.trust === null) return "Next: add the identity that opens your keyring.";
  if (files.trust === null && (files.keyring === null || files.identity === null)) return "Next: add your trust.json, or your keyring and identity.";
  return "";
}

function readyWords() {
  return files.keyring !== null && files.identity !== null ? "Ready. Records will be opened and read." : "Ready. Without keyring and identity only the outer structure is checked.";
}

// --- the check

async function check() {
  showProblem("");
  $("result").hidden = true;
  $("working").hidden = false;
  $("check").disabled = true;
  const paper = $("paper").value.split(/[\s,;]+/).filter((code) => code !== "");
  try {
    answer = await desk.ask("check", { package: files.package, trust: files.trust, keyring: files.keyring, identity: files.identity, passphrase: $("passphrase").value, anchors: files.anchor, paper });
    await showResult();
  } catch (error) {
    showProblem(error.message);
  }
  $("working").hidden = true;
  $("check").disabled = false;
}

async function showResult() {
  const parts = showAnswer(answer);
  if (answer.reached && answer.opened) parts.push(recordsSection());
  const officer = answer.reached ? showOfficer(answer) : null;
  if (officer !== null) parts.push(officer);
  parts.push(showNotShown(answer), saveSection(), showSign(answer));
  $("result").replaceChildren(...parts);
  $("result").hidden = false;
  $("give").hidden = true;
  $("after").hidden = false;
  if (answer.reached && answer.opened) {
    view = { text: "", result: "", page: 0 };
    await showRecords();
  }
  $("verdict").focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

function recordsSection() {
  const text = el("input", { type: "search", id: "find", placeholder: "Find in any column", "aria-label": "Find in any column" });
  const options = answer.results.map(([result, words]) => el("option", { value: result }, words));
  const result = el("select", { id: "result-filter", "aria-label": "Result" }, el("option", { value: "" }, "All results"), ...options);
  let timer = 0;
  text.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => void turn({ text: text.value, page: 0 }), 200);
  });
  result.addEventListener("change", () => void turn({ result: result.value, page: 0 }));
  return section("Records", el("div", { class: "filter" }, text, result), el("div", { id: "rows", class: "scroll", tabindex: "0", role: "region", "aria-label": "Records" }), el("div", { id: "pager", class: "pager" }));
}

async function turn(change) {
  view = { ...view, ...change };
  await showRecords();
}

async function showRecords() {
  const given = await desk.ask("query", view);
  view.page = given.page;
  $("rows").replaceChildren(given.rows.length > 0 ? showRows(given, openRecord) : el("p", { class: "quiet" }, "No record fits."));
  const filters = [view.text.trim() === "" ? "" : `“${view.text.trim()}” in any column`, view.result === "" ? "" : `result ${answer.results.find(([name]) => name === view.result)[1]}`].filter((said) => said !== "");
  const said = `Showing ${grouped(given.shown)} of ${grouped(given.all)}${filters.length > 0 ? `; filter: ${filters.join(", ")}` : ""}. Page ${given.page + 1} of ${given.pages}.`;
  const step = (words, page) => {
    const button = el("button", { type: "button" }, words);
    button.disabled = page < 0 || page >= given.pages;
    button.addEventListener("click", () => void turn({ page }));
    return button;
  };
  $("pager").replaceChildren(el("p", { class: "small quiet", role: "status" }, said), el("div", {}, step("Previous", given.page - 1), step("Next", given.page + 1)));
}

async function openRecord(seq) {
  const { text } = await desk.ask("record", { seq });
  $("record-title").textContent = `Record ${seq}`;
  $("record-text").textContent = text;
  $("record").showModal();
}

// --- what can be kept

function saveSection() {
  const cards = [saveCard("verification.json", "The result for machines and for your file: the same bytes the command line gives.", () => answer.json)];
  if (answer.reached && answer.opened) cards.push(saveCard("records.csv", "One row per request or refusal, in words, for a spreadsheet. It is personal data of staff.", async () => (await desk.ask("csv")).bytes));
  if (answer.canSign) cards.push(saveCard("anchor.note", "Fixes the history up to here. Keep one copy in your book of anchors, hand one back to the workstation.", signAnchor));
  const print = el("button", { type: "button" }, "Print or save as PDF");
  print.addEventListener("click", () => window.print());
  cards.push(el("div", {}, el("strong", {}, "This page"), el("p", {}, "For your signature and your file, A4."), print));
  const code = answer.code === "" ? [] : [el("h3", {}, "Checkpoint code, to write down"), el("p", { class: "mono code" }, answer.code), el("p", { class: "small quiet" }, "Give it at the next check: any change of the history before this point is then found.")];
  const made = section("Keep", el("div", { class: "save" }, ...cards), el("p", { id: "saved", class: "small", role: "status" }), ...code);
  made.classList.add("save-section");
  return made;
}

function saveCard(name, words, make) {
  const button = el("button", { type: "button" }, name === "anchor.note" ? "Sign and save" : "Save");
  button.addEventListener("click", async () => {
    try {
      save(name, await make());
    } catch (error) {
      $("saved").textContent = error.message;
    }
  });
  return el("div", {}, el("strong", { class: "mono" }, name), el("p", {}, words), button);
}

async function signAnchor() {
  const { bytes, size, code, folder } = await desk.ask("anchor", { posix: Math.floor(Date.now() / 1000) });
  $("saved").textContent = `History is fixed up to record ${size - 1}. On paper: ${code}. In your book it belongs into anchors/${folder}/${String(size).padStart(12, "0")}.note. Store it there before you hand it out.`;
  return bytes;
}

function save(name, bytes) {
  const address = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  const link = el("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

function showProblem(text) {
  $("problem").textContent = text;
  $("problem").hidden = text === "";
}

/** Back to the files, which are still there; the passphrase is not. */
function giveAgain() {
  $("passphrase").value = "";
  $("result").hidden = true;
  $("after").hidden = true;
  $("give").hidden = false;
}

function forget() {
  desk.end();
  desk = startDesk();
  answer = null;
  Object.assign(files, { package: null, trust: null, keyring: null, identity: null, anchor: [] });
  for (const id of ["passphrase", "paper", "files"]) $(id).value = "";
  giveAgain();
  $("result").replaceChildren();
  $("working").hidden = true;
  showProblem("");
  void showSlots();
}

$("files").addEventListener("change", async ({ target }) => {
  await take(target.files);
  target.value = "";
});
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    $("drop").classList.add("over");
  });
}
document.addEventListener("dragleave", ({ relatedTarget }) => {
  if (relatedTarget === null) $("drop").classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  $("drop").classList.remove("over");
  void take(event.dataTransfer.files);
});
$("check").addEventListener("click", () => void check());
$("passphrase").addEventListener("keydown", ({ key }) => {
  if (key === "Enter" && !$("check").disabled) void check();
});
for (const id of ["forget", "forget-after"]) $(id).addEventListener("click", forget);
$("again").addEventListener("click", giveAgain);
$("record-close").addEventListener("click", () => $("record").close());
window.addEventListener("pagehide", () => desk.end());
void showSlots();
