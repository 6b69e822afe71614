// Each of the ten error states, provoked for real, with its way out.
import assert from "node:assert/strict";
import http from "node:http";
import { after, before, test } from "node:test";
import * as kit from "./kit.mjs";

let clinic, context, page;
const say = (id) => page.textContent(`#${id}`);
const text = () => page.inputValue("#text");
const fresh = async (note = "Nimal Perera has a cough.") => {
  await kit.good(page);
  await kit.checked(page, note);
};
const revisit = async () => {
  await page.reload();
  await page.waitForSelector("body[data-started]", { state: "attached" });
};

before(async () => {
  clinic = await kit.Clinic.start();
  context = await kit.browser({ extensions: [kit.packed(clinic.port), kit.stranger(clinic.port)] });
  await kit.worker(context);
  page = await kit.panel(context);
  await kit.pair(page, clinic);
});
after(async () => {
  await context?.close();
  await clinic?.end();
});

test("E1: nobody answers; the text is kept, and a press tries again", async () => {
  await page.fill("#text", "Nimal Perera");
  await clinic.do("stop");
  await page.click("#go");
  await kit.error(page, "E1");
  assert.equal(await page.evaluate(() => document.activeElement.id), "error-title");
  assert.match(await say("error-words"), /Nothing was sent\. Ask your IT support/);
  assert.equal(await page.getAttribute("#badge", "data-kind"), "bad");
  assert.match(await say("badge"), /Cordon is not running/);
  assert.equal(await text(), "Nimal Perera");
  await clinic.do("start");
  await page.click("#error-action");
  await kit.good(page);
  assert.equal(await page.isVisible("#error"), false);
  assert.equal(await text(), "Nimal Perera");
});

test("E3: another program on the port gets no token and no text", async () => {
  await clinic.do("stop");
  const got = [];
  const squatter = http.createServer((request, reply) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk)).on("end", () => {
      got.push([request.url, request.headers.authorization ?? "", body]);
      reply.setHeader("Content-Type", "application/json");
      reply.end(JSON.stringify({ proof: "A".repeat(43), state: "ok", token: `cordon_${"A".repeat(43)}`, version: "1" }));
    });
  });
  await new Promise((tell) => squatter.listen(clinic.port, "127.0.0.1", tell));
  await revisit();
  await kit.error(page, "E3");
  assert.equal(await page.isVisible("#text"), false);
  assert.match(await say("error-words"), /Do not type patient text here; tell your IT support/);
  await page.click("#error-action");
  await kit.until(() => got.length >= 2);
  assert.ok(got.every(([url, token, body]) => url === "/cordon/v1/hello" && token === "" && !body.includes("Nimal")));
  squatter.closeAllConnections();
  await new Promise((tell) => squatter.close(tell));
  await clinic.do("start");
  await page.click("#error-action");
  await kit.good(page); // it passed: the pairing was kept
});

test("E4: a browser or extension that the service does not know is refused", async () => {
  const stranger = context.serviceWorkers().find((one) => !one.url().includes(kit.ID));
  const other = await context.newPage();
  await other.goto(stranger.url().replace("background.js", "panel.html"));
  await kit.error(other, "E2");
  await other.fill("#code", await clinic.code());
  await other.click("#pair button");
  await kit.error(other, "E4");
  assert.match(await other.textContent("#error-words"), /Cordon refused \(origin_refused\)\. Nothing was processed/);
  assert.match(await other.textContent("#badge"), /This browser or account is not allowed/);
  await other.click("#error-action");
  await kit.error(other, "E2");
  await other.close();
});

test("E5: a part is down; it is tried again by itself, and the text is still there", async () => {
  await kit.good(page);
  await clinic.do("down", { part: "guard", code: "guard_unavailable" });
  await page.fill("#text", "Nimal Perera has a cough.");
  await page.click("#go");
  await kit.error(page, "E5");
  assert.match(await say("error-words"), /The safety check is not running.*Nothing was lost; your text is still here/);
  await page.waitForSelector("#error-retry:not([hidden])");
  assert.match(await say("error-retry"), /Trying again in \d seconds?/);
  await clinic.do("down", { part: "guard", code: "ok" });
  await kit.mode(page, "review"); // without a press
  assert.equal(await page.isVisible("#error"), false);
});

test("E6: the policy stops a prompt; the rule is named and the text can be edited", async () => {
  await fresh("HARM to a colleague");
  await page.click("#go");
  await kit.error(page, "E6");
  assert.match(await say("error-words"), /Rule: .+ The stopped part was not shown, and the refusal is in the log/);
  assert.equal((await clinic.do("stats")).prompts.filter((one) => one.includes("HARM")).length, 0);
  await page.click("#error-action");
  assert.equal(await page.evaluate(() => document.activeElement.id), "text");
  assert.equal(await text(), "HARM to a colleague");
});

test("E6: the policy stops an answer in the middle; what was released stays, the rest is not shown", async () => {
  await fresh("WITHHELD please");
  await page.click("#go");
  await kit.error(page, "E6");
  await kit.mode(page, "answered");
  const said = await say("said");
  assert.match(said, /weighed with care/);
  assert.doesNotMatch(said, /HARM/);
});

test("a flagged answer carries a banner with the rule", async () => {
  await fresh("FLAG this");
  await page.click("#go");
  await kit.mode(page, "answered");
  await page.waitForSelector(".banner.flag");
  assert.match(await page.textContent(".banner.flag"), /look at this answer with care. Rule: \S+/);
});

test("E7: a third answer of one panel waits", async () => {
  await clinic.do("hold");
  const others = [];
  for (let n = 0; n < 2; n += 1) {
    const other = await kit.panel(context);
    await kit.good(other);
    await kit.checked(other, "LONG note");
    await other.click("#go");
    await kit.mode(other, "answering");
    others.push(other);
  }
  await page.bringToFront();
  await fresh();
  await page.click("#go");
  await kit.error(page, "E7");
  assert.match(await say("error-title"), /Two answers are already running/);
  assert.match(await say("error-words"), /Stop one, or wait \d+ seconds?/);
  await Promise.all(others.map((other) => other.close()));
  await kit.until(async () => (await clinic.do("stats")).open === 0);
  await clinic.do("go");
  await page.click("#error-action");
  await kit.mode(page, "answered");
  await kit.until(async () => !(await page.isVisible("#error")));
});

test("E8: a text over the limit is not sent, and both numbers are said", async () => {
  await kit.good(page);
  await clinic.do("seen");
  await page.evaluate(() => {
    const field = document.getElementById("text");
    field.value = "word ".repeat(40_100);
    field.dispatchEvent(new InputEvent("input"));
  });
  await page.click("#go");
  await kit.error(page, "E8");
  assert.match(await say("error-words"), /200,\d{3} characters; the limit is 200,000\. Nothing was sent/);
  assert.ok((await clinic.do("seen")).seen.every((one) => !one.path.endsWith("preview")));
  await page.click("#error-action");
  assert.equal(await page.evaluate(() => document.activeElement.id), "text");
});

test("E9: a page that gives no selection", async () => {
  const other = await context.newPage();
  await other.goto("chrome://version");
  const worker = await kit.worker(context);
  await worker.evaluate(async () => {
    const [tab] = await chrome.tabs.query({ active: true, lastFocusedWindow: true });
    chrome.contextMenus.onClicked.dispatch({ menuItemId: "ask-selection", selectionText: "", frameId: 0 }, tab);
  });
  await page.bringToFront();
  await kit.error(page, "E9");
  assert.match(await say("error-words"), /Copy the text and paste it here/);
  await page.click("#error-action");
  assert.equal(await page.evaluate(() => document.activeElement.id), "text");
  await other.close();
});

test("E10: the model is lost in the middle; what is seen was checked, and it can be asked again", async () => {
  await fresh("BREAK please");
  await page.click("#go");
  await kit.error(page, "E10");
  await kit.mode(page, "answered");
  assert.match(await say("error-words"), /the rest did not arrive|The rest did not arrive/);
  assert.match(await say("error-details"), /engine_lost|engine_unavailable|guard_unavailable/);
  assert.equal(await page.isVisible("#follow"), false);
  await clinic.do("attach");
  await page.click("#error-action");
  await kit.mode(page, "review");
});

test("E10: the service stops in the middle", async () => {
  await clinic.do("hold");
  await fresh("LONG note");
  await page.click("#go");
  await kit.mode(page, "answering");
  await clinic.do("stop");
  await kit.mode(page, "answered");
  await kit.until(async () => ["E1", "E10"].includes(await page.getAttribute("#error", "data-id")));
  assert.match(await say("said"), /weighed with care/);
  await clinic.do("start");
  await clinic.do("go");
  await revisit();
  await kit.good(page);
});

test("the badge turns red by itself after the service is gone", async () => {
  const other = await context.newPage();
  await other.clock.install();
  await other.goto(kit.PANEL);
  await kit.good(other);
  await clinic.do("stop");
  await other.clock.runFor(31_000); // one round of proofs
  await other.waitForSelector('#badge[data-kind="bad"]');
  await clinic.do("start");
  await other.close();
});

test("texts are cleared after five minutes without input", async () => {
  const other = await context.newPage();
  await other.clock.install();
  await other.goto(kit.PANEL);
  await kit.good(other);
  await kit.checked(other);
  // The clock belongs to the context: time that ran in an earlier page may be made up for in this one.
  await other.clock.runFor(60_000);
  assert.notEqual(await other.inputValue("#text"), "");
  await other.clock.runFor(4 * 60_000 + 10_000);
  assert.equal(await other.inputValue("#text"), "");
  assert.equal(await other.isVisible("#preview"), false);
  assert.match(await other.textContent("#hint"), /Cleared after 5 minutes/);
  await other.close();
});

test("E2: a revoked token is told by proof, and forgotten", async () => {
  await revisit();
  await kit.good(page);
  await clinic.local("/cordon/v1/clients", { op: "revoke", kid: "all" });
  await page.fill("#text", "Nimal Perera");
  await revisit();
  await kit.error(page, "E2");
  assert.deepEqual(await page.evaluate(() => chrome.storage.session.get("credential")), {});
  assert.match(await say("error-details"), /token_revoked/);
  await kit.pair(page, clinic);
  assert.equal(await text(), "");
});

test("E2: an expired token, too", async () => {
  await clinic.do("expire", { days: 1 });
  await revisit();
  await kit.error(page, "E2");
  assert.match(await say("error-details"), /token_expired/);
});
