// The same panel as a sidebar in Firefox, spoken to by WebDriver BiDi: connect, check, send, read, and what differs.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as kit from "./kit.mjs";

const UUID = "3b6c1f5e-0d0a-4a64-9a3b-7f1c2d4e5a60";
const PREFERENCES = {
  "extensions.webextensions.uuids": JSON.stringify({ "panel@cordon.invalid": UUID }), "app.update.enabled": false,
  "app.update.disabledForTesting": true, "datareporting.policy.dataSubmissionEnabled": false, "toolkit.telemetry.enabled": false,
  "network.captive-portal-service.enabled": false, "network.connectivity-service.enabled": false, "extensions.update.enabled": false,
  "services.settings.server": "data:,#remote-settings-dummy/v1", "browser.shell.checkDefaultBrowser": false,
  "browser.aboutwelcome.enabled": false, "remote.active-protocols": 1, "xpinstall.signatures.required": false,
};
let clinic, firefox, bidi, panel;

/** One WebDriver BiDi session. */
class Bidi {
  static async open(url) {
    const bidi = new Bidi();
    bidi.socket = new WebSocket(url);
    bidi.waiting = new Map();
    bidi.last = 0;
    bidi.socket.onmessage = ({ data }) => {
      const said = JSON.parse(data);
      bidi.waiting.get(said.id)?.(said);
    };
    await new Promise((tell) => (bidi.socket.onopen = tell));
    return bidi;
  }

  async send(method, params = {}) {
    const id = (this.last += 1);
    const reply = new Promise((tell) => this.waiting.set(id, tell));
    this.socket.send(JSON.stringify({ id, method, params }));
    const said = await reply;
    if (said.type === "error") throw new Error(`${method}: ${said.message}`);
    return said.result;
  }

  /** Run an expression in a page; its JSON comes back. */
  async run(context, expression) {
    const params = { target: { context }, awaitPromise: true, userActivation: true, expression: `(async () => JSON.stringify(await (${expression})) ?? "null")()` };
    const { result, exceptionDetails } = await this.send("script.evaluate", params);
    if (exceptionDetails) throw new Error(exceptionDetails.text);
    return JSON.parse(result.value);
  }
}

const run = (expression) => bidi.run(panel, expression);
const text = (id) => run(`document.getElementById("${id}").textContent`);
const click = (id) => run(`document.getElementById("${id}").click()`);
const fill = (id, value) => run(`(() => { const f = document.getElementById("${id}"); f.value = ${JSON.stringify(value)}; f.dispatchEvent(new InputEvent("input", { bubbles: true })); })()`);
const mode = (name) => kit.until(() => run(`document.body.dataset.mode === "${name}"`), 15_000);

before(async () => {
  clinic = await kit.Clinic.start();
  const profile = kit.folder();
  const lines = Object.entries(PREFERENCES).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`);
  writeFileSync(join(profile, "user.js"), lines.join("\n"));
  const extension = kit.packed(clinic.port, "--firefox");
  // A session may not navigate to an extension's page: the copy under test opens it itself.
  appendFileSync(join(extension, "background.js"), 'api.runtime.onInstalled.addListener(() => api.tabs.create({ url: "panel.html" }));\n');
  firefox = spawn("firefox-esr", ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"], { stdio: ["ignore", "ignore", "pipe"] });
  const url = await new Promise((tell, fail) => {
    let said = "";
    firefox.stderr.on("data", (chunk) => {
      said += chunk;
      const found = /WebDriver BiDi listening on (ws:\/\/\S+)/.exec(said);
      if (found) tell(found[1]);
    });
    firefox.on("exit", () => fail(new Error(said)));
  });
  bidi = await Bidi.open(`${url}/session`);
  await bidi.send("session.new", { capabilities: {} });
  await bidi.send("webExtension.install", { extensionData: { type: "path", path: extension } });
  const address = `moz-extension://${UUID}/panel.html`;
  const opened = await kit.until(async () => {
    const { contexts } = await bidi.send("browsingContext.getTree");
    return contexts.find((one) => one.url === address);
  }, 20_000);
  panel = opened.context;
  await bidi.send("browsingContext.setViewport", { context: panel, viewport: { width: 360, height: 800 } });
});

after(async () => {
  await bidi?.send("browser.close").catch(() => {});
  firefox?.kill();
  await clinic?.end();
});

test("Firefox: eight digits connect an Origin that was made at installation", async () => {
  await kit.until(() => run(`document.body.dataset.started === "true"`), 15_000);
  await fill("code", await clinic.code());
  await run(`document.getElementById("pair").requestSubmit()`);
  await kit.until(() => run(`!document.getElementById("confirm").hidden`));
  await click("confirm-yes");
  await kit.until(() => run(`document.getElementById("badge").dataset.kind === "good"`));
  const { seen } = await clinic.do("seen");
  assert.deepEqual(seen.map((one) => `${one.path.split("/").at(-1)}${one.token ? "+" : ""}`), ["pairing", "pair", "hello", "status+"]);
  assert.ok(seen.slice(1).every((one) => one.origin === `moz-extension://${UUID}`));
});

test("Firefox: check, send, read", async () => {
  await fill("text", kit.NOTE);
  await fill("question", "Summarise this note in two sentences.");
  await click("go");
  await mode("review");
  assert.match(await text("preview-count"), /9 identifiers replaced/);
  await click("go");
  await mode("answered");
  assert.match(await text("said"), /Nimal Perera has had a persistent cough/);
  if (process.env.CORDON_PICTURES) {
    const { data } = await bidi.send("browsingContext.captureScreenshot", { context: panel });
    writeFileSync(join(process.env.CORDON_PICTURES, "firefox.png"), Buffer.from(data, "base64"));
  }
});

test("Firefox: without a policy the settings are those of an unmanaged browser", async () => {
  assert.equal(await run(`!document.getElementById("copy-names").hidden`), true);
});

test("Firefox: the rules of the page hold", async () => {
  const other = await run(`fetch("http://127.0.0.1:1/").then(() => "sent", (error) => error.name)`);
  assert.equal(other, "TypeError");
  assert.equal(await run(`typeof browser.sidebarAction.open`), "function");
  assert.equal(await run(`document.querySelectorAll("script").length`), 1);
});
