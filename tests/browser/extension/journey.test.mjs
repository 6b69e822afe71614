// The way of a clinician in a real Chromium on the real gateway: connect, hand over, check, mark, send, stop, copy.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as kit from "./kit.mjs";

let clinic, context, page, profile;
const say = (id) => page.textContent(`#${id}`);
const answered = () => kit.mode(page, "answered");
const seen = async () => (await clinic.do("seen")).seen.map((one) => `${one.path.split("/").at(-1)}${one.token ? "+" : ""}`);

before(async () => {
  clinic = await kit.Clinic.start();
  profile = kit.folder();
  context = await kit.browser({ extensions: [kit.packed(clinic.port)], profile });
  await kit.worker(context);
  page = await kit.panel(context);
});
after(async () => {
  await context?.close();
  await clinic?.end();
});

test("unpaired: the panel asks for the digits and shows no text field", async () => {
  await kit.error(page, "E2");
  assert.equal(await page.isVisible("#text"), false);
  assert.deepEqual(await seen(), []); // nobody was spoken to
});

test("too few, wrong and late digits are said in words", async () => {
  await page.fill("#code", "12345678"); // nobody asked for digits
  await page.click("#pair button");
  await page.waitForFunction(() => document.getElementById("pair-problem").textContent.includes("do not work any more"));
  await page.fill("#code", "123");
  await page.click("#pair button");
  assert.match(await say("pair-problem"), /all 8/);
  const code = await clinic.code();
  await page.fill("#code", code === "00000000" ? "00000001" : "00000000");
  await page.click("#pair button");
  await page.waitForFunction(() => document.getElementById("pair-problem").textContent.includes("wrong"));
  await clinic.code(); // a new window: the old digits are no longer valid
  await page.fill("#code", code);
  await page.press("#code", "Enter");
  await page.waitForFunction(() => document.getElementById("pair-problem").textContent.includes("wrong"));
});

test("No to the last question forgets the token, and says why", async () => {
  await page.fill("#code", await clinic.code());
  await page.click("#pair button");
  await page.click("#confirm-no");
  await kit.error(page, "E3");
  assert.equal(await page.isVisible("#text"), false);
  const kept = await page.evaluate(() => Promise.all([chrome.storage.session.get(), chrome.storage.local.get()]));
  assert.deepEqual(kept, [{}, {}]);
  await page.click("#error-other");
  await kit.error(page, "E2");
  await clinic.do("seen");
});

test("eight digits connect; the service proves itself before it sees the token", async () => {
  await kit.pair(page, clinic);
  assert.deepEqual((await seen()).slice(0, 4), ["pairing", "pair", "hello", "status+"]);
  assert.equal((await say("badge")).trim(), "Cordon on this computer");
  assert.equal(await page.isVisible("#text"), true);
});

test("the preview shows every identifier as a labelled chip, and a press shows the original for five seconds", async () => {
  await kit.checked(page);
  assert.match(await say("preview-count"), /^9 identifiers replaced: 3 names, 2 dates, 2 record or identity numbers/);
  assert.match(await say("preview-count"), /policy hospital/);
  const chips = await page.$$eval("#seen .chip", (all) => all.map((chip) => [chip.textContent, chip.dataset.type, Boolean(chip.querySelector("svg"))]));
  assert.deepEqual(chips[0], ["[DATE_1]", "DATE", true]);
  assert.equal(chips.length, 9);
  assert.doesNotMatch(await say("seen"), /Nimal|Perera|911042754V|077 123/);
  const chip = page.locator('#seen .chip[data-type="NAME"]').first();
  await chip.focus();
  await page.keyboard.press("Enter");
  assert.equal(await chip.textContent(), "Nimal Perera");
  await page.waitForFunction((node) => node.textContent === "[NAME_1]", await chip.elementHandle(), { timeout: 6500 });
});

test("nothing was sent to a model yet", async () => {
  assert.deepEqual((await clinic.do("stats")).prompts, []);
  assert.ok((await seen()).every((name) => ["preview+", "hello", "status+"].includes(name)));
});

test("a missed identifier is marked by selecting it, and the mark can be taken back", async () => {
  assert.equal(await page.isDisabled("#mark"), true);
  await page.evaluate(() => {
    const node = [...document.querySelector("#seen").childNodes].find((one) => one.data?.includes("amoxicillin"));
    const start = node.data.indexOf("amoxicillin");
    getSelection().setBaseAndExtent(node, start, node, start + "amoxicillin".length);
  });
  await page.waitForSelector("#mark:not([disabled])");
  await page.click("#mark");
  await page.waitForSelector('#seen .chip[data-type="MARKED"]');
  assert.match(await say("preview-count"), /10 identifiers replaced/);
  assert.equal((await page.textContent("#marks .tag bdi")), "amoxicillin");
  await page.click("#marks .tag");
  await page.waitForFunction(() => !document.querySelector('#seen .chip[data-type="MARKED"]'));
});

test("an edit makes the preview stale: Send is gone until it was checked again", async () => {
  await page.fill("#question", "Explain this note to the patient in plain words.");
  assert.equal(await page.isVisible("#preview"), false);
  assert.equal((await say("go")), "Check");
  assert.match(await say("hint"), /Edited since/);
  await page.press("#question", "Control+Enter");
  await kit.mode(page, "review");
  assert.equal((await say("go")), "Send");
});

test("Ctrl+Enter sends, the answer comes back with names, and the model saw none", async () => {
  await page.press("#question", "Control+Enter");
  await answered();
  assert.match(await say("said"), /^Nimal Perera has had a persistent cough.*21 March 2024\.$/);
  const [prompt] = (await clinic.do("stats")).prompts;
  assert.match(prompt, /\[NAME_1\]/);
  assert.doesNotMatch(prompt, /Nimal|Kumari|20-48813/);
  assert.match(await say("say"), /^Answer ready, \d+ words$/);
  assert.equal(await page.getAttribute("#said", "aria-busy"), "false");
});

test("Copy gives placeholders; names only on request, with a warning", async () => {
  await page.waitForSelector("#copy-names:not([hidden])");
  const paste = async () => {
    const other = await context.newPage();
    await other.setContent("<textarea></textarea>");
    await other.focus("textarea");
    await other.keyboard.press("Control+V");
    const text = await other.inputValue("textarea");
    await other.close();
    return text;
  };
  await page.click("#copy");
  await page.waitForFunction(() => document.getElementById("copied").textContent.includes("placeholders"));
  assert.match(await paste(), /^\[NAME_1\] has had.*\[DATE_2\]\.$/);
  await page.bringToFront();
  await page.click("#copy-names");
  await page.waitForFunction(() => document.getElementById("copied").textContent.includes("other programs"));
  assert.match(await paste(), /^Nimal Perera has had/);
  await page.bringToFront();
  const read = await page.evaluate(() => navigator.clipboard.readText().then(() => "read", (error) => error.name));
  assert.equal(read, "NotAllowedError");
});

test("a follow-up sends the whole conversation; the same person keeps the same placeholder", async () => {
  await page.click("#follow");
  assert.equal(await page.evaluate(() => document.activeElement.id), "question");
  assert.equal(await page.isVisible("#text"), false);
  await page.fill("#question", "When did Nimal Perera come?");
  await page.keyboard.press("Control+Enter");
  await kit.mode(page, "review");
  assert.match(await say("seen"), /When did \[NAME_1\] come\?/);
  await page.click("#go");
  await answered();
  const { prompts } = await clinic.do("stats");
  assert.match(prompts.at(-1), /^When did \[NAME_1\] come\?$/);
  assert.equal(await page.locator("#earlier .turn").count(), 2);
});

test("what changed between check and Send is shown again, and nothing was sent", async () => {
  await kit.checked(page);
  const before = (await clinic.do("stats")).prompts.length;
  await clinic.do("also", { literals: ["cough"] });
  await page.click("#go");
  await page.waitForSelector("#preview-changed:not([hidden])");
  assert.equal(await page.getAttribute("body", "data-mode"), "review");
  assert.equal((await clinic.do("stats")).prompts.length, before);
  assert.match(await say("preview-count"), /10 identifiers/);
  await clinic.do("also", { literals: [] });
});

test("an answer streams by segments, and Stop ends it on the server", async () => {
  await clinic.do("hold");
  await kit.checked(page, "LONG note of Nimal Perera");
  await page.click("#go");
  await kit.mode(page, "answering");
  assert.equal(await page.getAttribute("#said", "aria-busy"), "true");
  assert.equal((await clinic.do("stats")).open, 1);
  await page.keyboard.press("Escape");
  await kit.until(async () => (await clinic.do("stats")).open === 0);
  await answered();
  assert.match(await say("ending"), /Stopped by you. Incomplete/);
  assert.equal((await clinic.do("stats")).cancelled, 1);
  assert.equal(await page.isVisible("#follow"), false);
  await clinic.do("go");
});

test("closing the panel stops the answer, too", async () => {
  const other = await kit.panel(context);
  await kit.good(other);
  await clinic.do("hold");
  await kit.checked(other, "LONG note");
  await other.click("#go");
  await kit.mode(other, "answering");
  await other.close();
  await kit.until(async () => (await clinic.do("stats")).open === 0);
  await clinic.do("go");
});

test("an answer streams on while the panel's tab is in the background", async () => {
  await clinic.do("hold");
  await kit.checked(page, "LONG note");
  await page.click("#go");
  await kit.mode(page, "answering");
  const other = await context.newPage();
  await clinic.do("go");
  await answered();
  await other.close();
});

test("markup in a text or an answer stays text", async () => {
  await kit.checked(page, "HTML <img src=x onerror=alert(1)> [x](http://evil.test/)");
  assert.equal(await page.locator("#seen img, #seen a").count(), 0);
  await page.click("#go");
  await answered();
  assert.match(await say("said"), /^<img src="x" onerror/);
  assert.equal(await page.locator("#said img, #said a, #said b").count(), 0);
  assert.equal(await page.title(), "Cordon");
  const thrown = await page.evaluate(() => {
    try {
      document.getElementById("said").innerHTML = "<b>x</b>";
      return "parsed";
    } catch (error) {
      return error.name;
    }
  });
  assert.equal(thrown, "TypeError");
});

test("New leaves nothing of a text in the document", async () => {
  await kit.checked(page);
  await page.click("#go");
  await answered();
  await page.click("#new");
  const left = await page.evaluate(() => document.documentElement.outerHTML + [...document.querySelectorAll("textarea")].map((one) => one.value));
  assert.doesNotMatch(left, /Nimal|Kumari|20-48813|NAME_1/);
});

test("hidden characters are removed, counted and shown where", async () => {
  await page.fill("#text", "Ni\u202Emal\u200B Perera ශ්‍රී");
  assert.equal(await page.inputValue("#text"), "Nimal Perera ශ්‍රී");
  assert.match(await say("removed-count"), /2 hidden characters/);
  await page.click("#removed summary");
  assert.match(await say("removed-list"), /U\+202E after “Ni”/);
});

test("a text of 10,000 characters", async () => {
  const text = "Nimal Perera was seen on 14 March 2024 for review of hypertension. ".repeat(150).slice(0, 10_000);
  await kit.checked(page, text);
  assert.match(await say("preview-count"), /2 identifiers replaced/);
  assert.ok((await page.locator("#seen .chip").count()) >= 290);
});

test("a selection is handed over with its lines, checked by itself, and not sent by itself", async () => {
  const record = await context.newPage();
  await record.goto(`http://127.0.0.1:${clinic.port}/healthz`).catch(() => {});
  await clinic.do("seen");
  const worker = await kit.worker(context);
  await worker.evaluate(async () => {
    const [tab] = await chrome.tabs.query({ active: true, lastFocusedWindow: true });
    // A page that no script may read: the menu's own text is taken.
    chrome.contextMenus.onClicked.dispatch({ menuItemId: "ask-selection", selectionText: "MRN 20-48813 Nimal Perera", frameId: 0 }, tab);
  });
  await page.bringToFront();
  await kit.mode(page, "review");
  assert.equal(await page.inputValue("#text"), "MRN 20-48813 Nimal Perera");
  assert.match(await say("preview-count"), /2 identifiers/);
  assert.ok(!(await seen()).includes("ask+"));
  assert.deepEqual(await page.evaluate(() => chrome.storage.session.get("pending")), {});
  await record.close();
});

test("how the service stands: proof, policy, evidence, counts, keys", async () => {
  await page.click("#badge");
  const facts = await page.textContent("#facts");
  for (const fact of [/127\.0\.0\.1:\d+/, /demo-clinic \(demonstration\)/, /hospital · [0-9a-f]{12}/, /E\d: /, /\d+ answered, \d+ refused/]) assert.match(facts, fact);
  assert.match(await page.textContent("#keys"), /Ctrl\+Enter/);
  assert.equal(await page.evaluate(() => document.activeElement.id), "about-title");
  await page.click("#about-close");
  assert.equal(await page.evaluate(() => document.activeElement.id), "badge");
});

test("F6 goes through the parts of the panel, and every control is reached by Tab", async () => {
  await kit.checked(page);
  const parts = [];
  for (let n = 0; n < 5; n += 1) {
    await page.keyboard.press("F6");
    parts.push(await page.evaluate(() => document.activeElement.id));
  }
  assert.deepEqual(new Set(parts), new Set(["top", "text-title", "question-title", "preview-title", "bar"]));
  const reached = new Set();
  for (let n = 0; n < 40; n += 1) {
    await page.keyboard.press("Tab");
    reached.add(await page.evaluate(() => document.activeElement.id || document.activeElement.className));
  }
  for (const id of ["badge", "new", "text", "question", "seen", "chip", "go"]) assert.ok(reached.has(id), id);
});

test("the token is in no file of the profile", async () => {
  const token = await page.evaluate(async () => (await chrome.storage.session.get("credential")).credential.token);
  assert.match(token, /^cordon_/);
  const secret = Buffer.from(token);
  const holding = readdirSync(profile, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((name) => readFileSync(name).includes(secret));
  assert.deepEqual(holding, []);
});

test("disconnecting ends the token at the service, clears the text, and connecting again can be kept", async () => {
  await page.click("#badge");
  await page.click("#unpair");
  await kit.error(page, "E2");
  const { clients } = await clinic.local("/cordon/v1/clients", { op: "list" });
  assert.ok(clients.filter((one) => one.kind === "extension" && one.state === "ok").length <= 1);
  await kit.pair(page, clinic, { remember: true });
  assert.equal(await page.inputValue("#text"), "");
  const kept = await page.evaluate(async () => [await chrome.storage.session.get("credential"), await chrome.storage.local.get("credential")]);
  assert.deepEqual(kept[0], {});
  assert.match(kept[1].credential.token, /^cordon_/);
  const access = await page.evaluate(() => chrome.storage.local.setAccessLevel ? "can" : "cannot");
  assert.equal(access, "can");
});

test("no page error, no line in any console", async () => {
  const lines = [];
  const other = await context.newPage();
  other.on("console", (message) => lines.push(message.text()));
  other.on("pageerror", (thrown) => lines.push(String(thrown)));
  await other.goto(kit.PANEL);
  await kit.good(other);
  await kit.checked(other);
  await other.click("#go");
  await kit.mode(other, "answered");
  assert.deepEqual(lines, []);
  await other.close();
});
