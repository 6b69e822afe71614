// The verifier page in Chromium, from disk: `node chromium.mjs PAGE CASE OUT PORT`. CASE holds the officer's files and
// passphrase.txt; PORT is where a server of the test listens that nobody must reach. Prints what was seen as JSON.
import AxeBuilder from "@axe-core/playwright";
import { mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [page_, folder, out, port] = process.argv.slice(2);
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const files = readdirSync(folder).filter((name) => /\.(zip|json|age|note)$/.test(name));
// An identity without passphrase, as a demonstration has it: stretching a passphrase takes a second each time.
const open = [...files.filter((name) => !name.includes(".identity.")), "demo.identity"];
const said = { requests: [], errors: [], axe: {}, dialogs: 0 };
mkdirSync(out, { recursive: true });

const root = process.getuid?.() === 0;
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: [...(root ? ["--no-sandbox"] : []), ...FLAGS] });

async function openPage(options = {}) {
  const context = await browser.newContext({ acceptDownloads: true, viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.on("request", (request) => said.requests.push(request.url().slice(0, 60)));
  page.on("pageerror", (error) => said.errors.push(String(error)));
  page.on("dialog", (dialog) => {
    said.dialogs += 1;
    void dialog.dismiss();
  });
  await page.goto(`file://${page_}`);
  return page;
}

async function look(page, name) {
  const found = await new AxeBuilder({ page }).withTags(TAGS).analyze();
  said.axe[name] = found.violations.map(({ id, impact, nodes }) => `${id} (${impact}) ${nodes[0].html.slice(0, 120)}`);
  await page.screenshot({ path: join(out, `${name}.png`), fullPage: true });
}

async function give(page, names = files) {
  await page.setInputFiles("#files", names.map((name) => join(folder, name)));
  await page.waitForFunction((count) => document.querySelectorAll(".slot.have").length === count, Math.min(5, names.length));
}

async function check(page, passphrase = "") {
  if (passphrase !== "") await page.fill("#passphrase", passphrase);
  await page.click("#check");
  await page.waitForFunction(() => document.getElementById("working").hidden, undefined, { timeout: 60_000 });
}

async function saved(page, name) {
  const button = page.locator(".save > div", { hasText: name }).locator("button");
  const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
  const path = join(out, download.suggestedFilename());
  await download.saveAs(path);
  return path;
}

const passphrase = readFileSync(join(folder, "passphrase.txt"), "utf8").trim();
const page = await openPage();
await look(page, "empty");
said.buttonBefore = await page.isDisabled("#check");
await give(page);
await look(page, "ready");
await check(page, "not the passphrase");
said.wrong = await page.textContent("#problem");
await check(page, passphrase);
said.verdict = await page.textContent("#verdict");
said.focused = await page.evaluate(() => document.activeElement.id);
said.result = (await page.textContent("#result")).replace(/\s+/g, " ");
await look(page, "result");

// Records: filter in words, a record whole, and nothing of it read as markup.
const pager = async (done) => {
  await page.waitForFunction(done, undefined, { timeout: 10_000 });
  return page.textContent("#pager p");
};
said.all = await pager(() => document.querySelector("#pager p") !== null);
await page.selectOption("#result-filter", "refused");
said.filtered = await pager(() => document.querySelector("#pager p").textContent.includes("filter"));
await page.selectOption("#result-filter", "");
await page.fill("#find", "<img");
said.found = await pager(() => document.querySelector("#pager p").textContent.includes("“<img”"));
said.images = await page.evaluate(() => document.querySelectorAll("img, iframe, object, b").length);
said.staff = await page.textContent("#rows tbody td:nth-child(3)");
await page.click("#rows tbody button");
await page.waitForSelector("#record[open]");
said.record = JSON.parse(await page.textContent("#record-text"));
await look(page, "record");
await page.click("#record-close");

// What can be kept.
said.saved = [await saved(page, "verification.json"), await saved(page, "records.csv"), await saved(page, "anchor.note")];
said.afterAnchor = await page.textContent("#saved");

// The policy of the page: nothing gets out, by whatever means.
said.escapes = await page.evaluate(async (address) => {
  const tries = {
    fetch: () => fetch(address),
    beacon: async () => {
      if (!navigator.sendBeacon(address, "x")) throw new Error("refused");
    },
    image: () => new Promise((done, fail) => Object.assign(new Image(), { onload: done, onerror: fail, src: address })),
    socket: () => new Promise((done, fail) => Object.assign(new WebSocket(address.replace("http", "ws")), { onopen: done, onerror: fail })),
    script: () => new Promise((done, fail) => document.head.append(Object.assign(document.createElement("script"), { onload: done, onerror: fail, src: address }))),
    inline: () => new Promise((done, fail) => {
      document.head.append(Object.assign(document.createElement("script"), { textContent: "window.ran = true" }));
      setTimeout(() => (window.ran ? done() : fail()), 50);
    }),
    code: async () => new Function("return 1")(),
    worker: () => new Promise((done, fail) => {
      const source = `fetch(${JSON.stringify(address)}).then(() => postMessage("out"), () => postMessage("in"))`;
      const made = new Worker(URL.createObjectURL(new Blob([source])));
      made.onmessage = ({ data }) => (data === "out" ? done() : fail());
    }),
  };
  const results = {};
  for (const [name, attempt] of Object.entries(tries)) results[name] = await attempt().then(() => "out", () => "held");
  return results;
}, `http://127.0.0.1:${port}/leak`);
said.stored = await page.evaluate(() => [document.cookie, localStorage.length, sessionStorage.length]);

// A package too large for memory is read from the file in windows; here a small one is.
const [{ name: packageName }] = files.filter((name) => name.endsWith(".zip")).map((name) => ({ name }));
await page.evaluate(() => document.body.append(Object.assign(document.createElement("input"), { type: "file", id: "large" })));
await page.setInputFiles("#large", join(folder, packageName));
said.windows = await page.evaluate(
  (trust) =>
    new Promise((done, fail) => {
      const work = `self.onmessage = async ({ data: { file, trust } }) => {
        const files = await Cordon.readPackage(await Cordon.fileSource(file, 0));
        const steps = Cordon.examine(files, Cordon.parseTrust(Cordon.utf8(trust)), null, { book: [], paper: [] });
        let step = steps.next();
        while (!step.done) step = steps.next();
        self.postMessage(step.value.json);
      };`;
      const worker = new Worker(URL.createObjectURL(new Blob([document.getElementById("engine").textContent, work])));
      worker.onmessage = ({ data }) => done(data);
      worker.onerror = ({ message }) => fail(new Error(message));
      worker.postMessage({ file: document.getElementById("large").files[0], trust });
    }),
  readFileSync(join(folder, "trust.json"), "utf8"),
);
await page.evaluate(() => document.getElementById("large").remove());

// Forget, and again with less.
await page.click("#forget-after");
said.forgotten = await page.evaluate(() => [document.getElementById("result").textContent, document.querySelectorAll(".slot.have").length, document.getElementById("passphrase").value]);
await give(page, files.filter((name) => name.endsWith(".zip") || name === "trust.json"));
await page.click("#check");
await page.waitForFunction(() => document.getElementById("working").hidden);
said.structure = (await page.textContent(".verdict")).replace(/\s+/g, " ");

// Where a browser allows no worker the page does the work itself.
const alone = await openPage();
await alone.evaluate(() => {
  window.Worker = class {
    constructor() {
      throw new Error("no workers here");
    }
  };
});
await alone.click("#forget");
await give(alone, open);
await check(alone);
said.alone = await alone.textContent("#verdict");

for (const [name, options] of Object.entries({
  dark: { colorScheme: "dark" },
  narrow: { viewport: { width: 400, height: 800 } },
  smallest: { viewport: { width: 320, height: 640 } },
  forced: { forcedColors: "active" },
})) {
  const other = await openPage(options);
  await give(other, open);
  await check(other);
  await look(other, name);
  said[`${name}Overflow`] = await other.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  await other.context().close();
}
await page.emulateMedia({ media: "print" });
await page.screenshot({ path: join(out, "print.png"), fullPage: true });
await browser.close();
process.stdout.write(JSON.stringify(said));
