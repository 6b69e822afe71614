// How every state looks and what a screen reader would meet: axe on each, light, dark, forced colours, 320 px, 200 %, and
// in four languages. With CORDON_PICTURES=FOLDER the pictures of the manual are written.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import AxeBuilder from "@axe-core/playwright";
import * as kit from "./kit.mjs";

const PICTURES = process.env.CORDON_PICTURES;
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const GOLDEN = JSON.parse(readFileSync(join(import.meta.dirname, "incomplete.json"), "utf8"));
const PLAIN = { colorScheme: "light", forcedColors: "none", reducedMotion: "reduce" };
const THOROUGH = new Set(["connect", "preview", "answer", "about", "E6"]);
let clinic, context, page;

before(async () => {
  clinic = await kit.Clinic.start();
  context = await kit.browser({ extensions: [kit.packed(clinic.port)], deviceScaleFactor: PICTURES ? 2 : 1 });
  await kit.worker(context);
  page = await kit.panel(context);
  await page.emulateMedia(PLAIN);
});
after(async () => {
  await context?.close();
  await clinic?.end();
});

async function picture(name) {
  if (!PICTURES) return;
  const path = join(PICTURES, `${name}.png`);
  await page.evaluate(() => document.activeElement?.blur());
  await page.screenshot({ path, animations: "disabled" });
  execFileSync("convert", [path, "-strip", "-dither", "None", "-colors", "64", "-define", "png:compression-level=9", `png8:${path}`]);
}

/** No violation; what axe could not decide by itself has its reason in the golden file. */
async function verify(state, variant) {
  const { violations, incomplete } = await new AxeBuilder({ page }).withTags(TAGS).setLegacyMode(true).analyze();
  const shown = violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" ")}`);
  assert.deepEqual(shown, [], `${state}, ${variant}`);
  for (const one of incomplete) assert.ok(one.id in GOLDEN, `${state}, ${variant}: undecided ${one.id} ${one.nodes[0].html}`);
}

async function fits(state, width) {
  await page.setViewportSize({ width, height: 640 });
  const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(sideways <= 0, `${state} at ${width}: ${sideways} px sideways`);
}

/** One state in every dress. Where the same parts were seen before in another state, the narrow ones are only measured. */
async function dressed(state) {
  const full = THOROUGH.has(state);
  await page.evaluate(() => (document.documentElement.style.fontSize = ""));
  await page.setViewportSize({ width: 360, height: 800 });
  await verify(state, "light");
  await picture(state);
  await page.emulateMedia({ ...PLAIN, colorScheme: "dark" });
  if (full) await verify(state, "dark");
  if (["preview", "answer", "about"].includes(state)) await picture(`${state}-dark`);
  await page.emulateMedia({ ...PLAIN, forcedColors: "active" });
  if (full) await verify(state, "forced colours");
  if (state === "preview") await picture("preview-forced-colours");
  await page.emulateMedia(PLAIN);
  await fits(state, 320);
  if (full) await verify(state, "320 px");
  if (state === "preview") await picture("preview-320");
  await page.evaluate(() => (document.documentElement.style.fontSize = "175%")); // 200 % of the panel's 87.5 %
  await fits(state, 320);
  if (full) await verify(state, "320 px at 200 %");
  await page.evaluate(() => (document.documentElement.style.fontSize = ""));
  await page.setViewportSize({ width: 360, height: 800 });
}

test("connect", async () => {
  await page.waitForSelector("#remember-row:not([hidden])");
  await dressed("connect");
});

test("one more look", async () => {
  await page.fill("#code", await clinic.code());
  await page.click("#pair button");
  await page.waitForSelector("#confirm:not([hidden])");
  await dressed("confirm");
  await page.click("#confirm-yes");
  await kit.good(page);
});

test("text and question", async () => {
  await page.waitForFunction(() => !document.getElementById("text").hidden);
  await dressed("empty");
});

test("what the model will see", async () => {
  await kit.checked(page);
  await dressed("preview");
});

test("a mark of the user", async () => {
  await page.evaluate(() => {
    const node = [...document.querySelector("#seen").childNodes].find((one) => one.data?.includes("Right basal"));
    const start = node.data.indexOf("Right basal");
    getSelection().setBaseAndExtent(node, start, node, start + "Right basal crackles".length);
  });
  await page.waitForSelector("#mark:not([disabled])");
  await picture("select");
  await page.click("#mark");
  await page.waitForSelector('#seen .chip[data-type="MARKED"]');
  await page.locator('#seen .chip[data-type="MARKED"]').scrollIntoViewIfNeeded();
  await dressed("marked");
});

test("a streaming answer", async () => {
  await clinic.do("hold");
  await kit.checked(page, "LONG note of Nimal Perera");
  await page.click("#go");
  await kit.mode(page, "answering");
  await dressed("streaming");
  await page.keyboard.press("Escape");
  await kit.mode(page, "answered");
  await dressed("stopped");
  await clinic.do("go");
});

test("an answer, copied with names", async () => {
  await kit.checked(page);
  await page.click("#go");
  await kit.mode(page, "answered");
  await page.waitForSelector("#copy-names:not([hidden])");
  await page.click("#copy-names");
  await page.waitForSelector("#copied:not([hidden])");
  await dressed("answer");
});

test("a follow-up", async () => {
  await page.click("#follow");
  await page.fill("#question", "When is Nimal Perera reviewed?");
  await page.keyboard.press("Control+Enter");
  await kit.mode(page, "review");
  await dressed("follow-up");
});

test("a flagged answer", async () => {
  await kit.checked(page, "FLAG: Nimal Perera asks about tablets.");
  await page.click("#go");
  await kit.mode(page, "answered");
  await dressed("flagged");
});

test("how do I know", async () => {
  await page.click("#badge");
  await dressed("about");
  await page.click("#about-close");
});

test("hidden characters", async () => {
  await page.click("#new");
  await page.fill("#text", "Nimal\u202E Perera\u200B has a cough.");
  await page.click("#removed summary");
  await dressed("hidden-characters");
});

for (const [language, name] of [["si", "නිමල් පෙරේරා"], ["ta", "குமாரி பெரேரா"], ["ar", "أحمد علي"]]) {
  test(`in ${language}`, async () => {
    await page.click("#badge");
    await page.selectOption("#language", language);
    await page.waitForFunction((wanted) => document.documentElement.lang === wanted, language);
    assert.equal(await page.getAttribute("html", "dir"), language === "ar" ? "rtl" : "ltr");
    await fits(`about ${language}`, 320);
    await page.setViewportSize({ width: 360, height: 800 });
    await page.click("#about-close");
    await kit.checked(page, `${kit.NOTE}\n${name}`, await page.getAttribute("#ready button", "title"));
    await verify(`preview ${language}`, "light");
    await picture(`preview-${language}`);
    await page.click("#go");
    await kit.mode(page, "answered");
    await fits(`answer ${language}`, 320);
    await page.setViewportSize({ width: 360, height: 800 });
    await picture(`answer-${language}`);
    if (language === "ar") {
      const side = await page.evaluate(() => document.querySelector(".brand").getBoundingClientRect().left);
      assert.ok(side > 100, "a mirror");
    }
  });
}

test("English again", async () => {
  await page.click("#badge");
  await page.selectOption("#language", "en");
  await page.click("#about-close");
  await page.click("#new");
});

test("the errors of a question: E5, E6, E8, E9, E10", async () => {
  const ask = async (text) => {
    await kit.checked(page, text);
    await page.click("#go");
  };
  await ask("HARM to a colleague");
  await kit.error(page, "E6");
  await dressed("E6");
  await page.click("#new");
  await page.evaluate(() => {
    const field = document.getElementById("text");
    field.value = "word ".repeat(40_100);
    field.dispatchEvent(new InputEvent("input"));
  });
  await page.click("#go");
  await kit.error(page, "E8");
  await dressed("E8");
  await page.click("#new");
  await page.evaluate(async () => {
    const { id } = await chrome.windows.getCurrent();
    await chrome.storage.session.set({ pending: { windowId: id, at: Date.now(), reason: "nothing" } });
  });
  await kit.error(page, "E9");
  await dressed("E9");
  await page.click("#error-action");
  await ask("BREAK please");
  await kit.error(page, "E10");
  await dressed("E10");
  await clinic.do("attach");
  await page.click("#new");
  await page.fill("#text", "Nimal Perera has a cough.");
  await clinic.do("down", { part: "guard", code: "guard_drift" });
  await page.click("#go");
  await kit.error(page, "E5");
  await picture("E5");
  await verify("E5", "light");
  await clinic.do("down", { part: "guard", code: "ok" });
  await kit.mode(page, "review");
});

test("E7", async () => {
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
  await kit.checked(page, "Nimal Perera has a cough.");
  await page.click("#go");
  await kit.error(page, "E7");
  await dressed("E7");
  await Promise.all(others.map((other) => other.close()));
  await clinic.do("go");
});

test("the errors of the service: E1, E3, E4", async () => {
  await clinic.do("stop");
  await page.reload();
  await kit.error(page, "E1");
  await dressed("E1");
  let status = 200;
  const squatter = http.createServer((_request, reply) => {
    reply.writeHead(status, { "Content-Type": "application/json" });
    reply.end(JSON.stringify({ proof: "A".repeat(43), state: "ok", error: { code: "origin_refused" } }));
  });
  await new Promise((tell) => squatter.listen(clinic.port, "127.0.0.1", tell));
  await page.click("#error-action");
  await kit.error(page, "E3");
  await dressed("E3");
  status = 403;
  await page.click("#error-action");
  await kit.error(page, "E4");
  await dressed("E4");
  squatter.closeAllConnections();
  await new Promise((tell) => squatter.close(tell));
  await clinic.do("start");
});
