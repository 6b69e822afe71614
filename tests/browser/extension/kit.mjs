// What the tests in a browser share: a clinic (the real gateway in a child process), Chromium with the extension packed
// for its port, and the eight digits as a user gets them, over the unix socket.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import readline from "node:readline";
import { chromium } from "playwright-core";

export const ROOT = resolve(import.meta.dirname, "../../..");
export const PYTHON = process.env.CORDON_PYTHON ?? "python3";
export const ID = "mlkgfecoihfnfokacibcilhjmfleklof";
export const PANEL = `chrome-extension://${ID}/panel.html`;
export const NOTE = [
  "Clinic note, 14 March 2024. Kandy General Hospital, medical clinic.",
  "Patient: Nimal Perera, NIC 911042754V, MRN 20-48813, phone 077 123 4567.",
  "Seen with his wife Kumari Perera. He has had a persistent cough for 5 days, no chest pain.",
  "BP 120/80, SpO2 96 %. Right basal crackles. Diagnosis: pneumonia.",
  "Plan: amoxicillin 500 mg three times a day for 7 days, review by Dr Fernando on 21 March 2024.",
].join("\n");

/** A temporary folder that goes when the process does. */
export function folder() {
  const path = mkdtempSync(join(process.env.CORDON_TMP ?? tmpdir(), "cordon-browser-"));
  process.on("exit", () => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** The gateway as a child process; `do(op, how)` tells it what to do. */
export class Clinic {
  static async start({ port = 0 } = {}) {
    const clinic = new Clinic();
    clinic.folder = folder();
    const args = ["-m", "tests.browser.clinic", clinic.folder, ...(port ? ["--port", String(port)] : [])];
    clinic.child = spawn(PYTHON, args, { cwd: ROOT, stdio: ["pipe", "pipe", "inherit"] });
    const lines = readline.createInterface({ input: clinic.child.stdout });
    clinic.waiting = [];
    lines.on("line", (line) => clinic.waiting.shift()?.(JSON.parse(line)));
    clinic.child.on("exit", (code) => clinic.waiting.splice(0).forEach((tell) => tell({ error: `exit ${code}` })));
    const first = await clinic.next();
    if (first.error) throw new Error(first.error);
    return Object.assign(clinic, first);
  }

  next() {
    return new Promise((tell) => this.waiting.push(tell));
  }

  async do(op, how = {}) {
    const reply = this.next();
    this.child.stdin.write(`${JSON.stringify({ op, ...how })}\n`);
    const said = await reply;
    if (said.error) throw new Error(`${op}: ${said.error}`);
    return said;
  }

  /** POST over the unix socket, as `cordon pair` and `cordon token` do. */
  local(path, body) {
    return new Promise((tell, fail) => {
      const headers = { "Content-Type": "application/json", Host: "cordon" };
      const request = http.request({ socketPath: this.api, path, method: "POST", headers }, (reply) => {
        let text = "";
        reply.on("data", (chunk) => (text += chunk)).on("end", () => tell(JSON.parse(text)));
      });
      request.on("error", fail);
      request.end(JSON.stringify(body));
    });
  }

  async code() {
    return (await this.local("/cordon/v1/pairing", {})).code;
  }

  async end() {
    const gone = new Promise((tell) => this.child.on("exit", tell));
    this.child.stdin.end();
    await gone;
  }
}

/** The extension, packed for a port into a folder of its own. */
export function packed(port, ...more) {
  const path = join(folder(), "extension");
  execFileSync(PYTHON, [join(ROOT, "extension/pack.py"), "--folder", path, "--port", String(port), ...more]);
  return path;
}

/** The same extension without its key, so that the browser gives it another id: one that Cordon does not know. */
export function stranger(port) {
  const path = packed(port);
  const manifest = JSON.parse(readFileSync(join(path, "manifest.json"), "utf8"));
  delete manifest.key;
  writeFileSync(join(path, "manifest.json"), JSON.stringify(manifest));
  return path;
}

const QUIET = [
  "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
  "--disable-sync", "--force-color-profile=srgb",
];

/** Chromium with extensions loaded. */
export async function browser({ extensions, profile = folder(), headless = true, args = [], ...more }) {
  const root = process.getuid() === 0 ? ["--no-sandbox"] : [];
  const load = [`--disable-extensions-except=${extensions.join(",")}`, `--load-extension=${extensions.join(",")}`];
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: "/usr/bin/chromium", headless, ignoreDefaultArgs: ["--disable-extensions"],
    args: [...root, ...QUIET, ...load, ...args], locale: "en-GB", ...more,
  });
  context.setDefaultTimeout(10_000);
  return context;
}

export async function worker(context, id = ID) {
  const find = () => context.serviceWorkers().find((one) => one.url().includes(id));
  return find() ?? (await context.waitForEvent("serviceworker", { predicate: (one) => one.url().includes(id) }));
}

/** The panel as a page of its own: 360 px, as wide as a side panel. */
export async function panel(context, { width = 360, height = 800 } = {}) {
  const page = await context.newPage();
  await page.setViewportSize({ width, height });
  await page.goto(PANEL);
  await page.waitForSelector("body[data-started]", { state: "attached" });
  return page;
}

/** Connect a panel as a person does. */
export async function pair(page, clinic, { remember = false } = {}) {
  await page.fill("#code", await clinic.code());
  if (remember) await page.check("#remember");
  await page.click("#pair button");
  await page.click("#confirm-yes");
  await good(page);
}

export function good(page) {
  return page.waitForSelector('#badge[data-kind="good"]');
}

/** Write, ask, and see the preview. */
export async function checked(page, text = NOTE, question = "Summarise this note in two sentences.") {
  if (await page.isVisible("#new")) await page.click("#new");
  await page.fill("#text", text);
  await page.fill("#question", question);
  await page.click("#go");
  await page.waitForSelector('body[data-mode="review"]');
}

export async function mode(page, name) {
  await page.waitForSelector(`body[data-mode="${name}"]`);
}

export async function error(page, id) {
  await page.waitForSelector(`#error[data-id="${id}"]:not([hidden])`);
}

export const wait = (ms) => new Promise((tell) => setTimeout(tell, ms));

/** Wait until something is so; a browser and a server have no common event. */
export async function until(what, ms = 8000) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await what();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not so after ${ms} ms: ${what}`);
    await wait(25);
  }
}
