// The verifier page in Firefox, from disk, over WebDriver BiDi: `node --experimental-websocket firefox.mjs PAGE CASE OUT`.
// Same files as chromium.mjs. Prints what was seen as JSON.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

const [page_, folder, out] = process.argv.slice(2);
const profile = join(out, "profile");
mkdirSync(profile, { recursive: true });
const preferences = {
  "browser.download.folderList": 2,
  "browser.download.dir": out,
  "browser.download.useDownloadDir": true,
  "browser.helperApps.neverAsk.saveToDisk": "application/octet-stream",
  "app.update.enabled": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "toolkit.telemetry.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "services.settings.server": "data:,",
  "browser.safebrowsing.downloads.enabled": false,
  "remote.prefs.recommended": true,
};
writeFileSync(join(profile, "user.js"), Object.entries(preferences).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`).join(""));

const firefox = spawn("firefox-esr", ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"], {
  env: { ...process.env, HOME: out, MOZ_HEADLESS_WIDTH: "1280", MOZ_HEADLESS_HEIGHT: "900" },
  stdio: ["ignore", "ignore", "pipe"],
});
const address = await new Promise((found, gone) => {
  createInterface({ input: firefox.stderr }).on("line", (line) => {
    const match = /WebDriver BiDi listening on (ws:\S+)/.exec(line);
    if (match) found(match[1]);
  });
  firefox.on("exit", () => gone(new Error("Firefox ended")));
});
const socket = new WebSocket(`${address}/session`);
await new Promise((done, fail) => Object.assign(socket, { onopen: done, onerror: fail }));
const waiting = new Map();
const said = { errors: [] };
socket.onmessage = ({ data }) => {
  const message = JSON.parse(data);
  if (message.type === "event") {
    if (message.params.level === "error") said.errors.push(message.params.text);
    return;
  }
  const { done, fail } = waiting.get(message.id);
  if (message.type === "success") done(message.result);
  else fail(new Error(`${message.error}: ${message.message}`));
};
let next = 0;
const call = (method, params) =>
  new Promise((done, fail) => {
    waiting.set(++next, { done, fail });
    socket.send(JSON.stringify({ id: next, method, params }));
  });

await call("session.new", { capabilities: {} });
await call("session.subscribe", { events: ["log.entryAdded"] });
const { contexts } = await call("browsingContext.getTree", {});
const { context } = contexts[0];
const run = async (expression) => {
  const answer = await call("script.evaluate", { expression, target: { context }, awaitPromise: true, resultOwnership: "none", serializationOptions: { maxDomDepth: 0 } });
  if (answer.type === "exception") throw new Error(answer.exceptionDetails.text);
  return answer.result;
};
const text = async (expression) => (await run(`(async () => String(${expression}))()`)).value;
const until = async (expression) => {
  for (let turn = 0; turn < 3000; turn++) {
    if ((await text(expression)) === "true") return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`never: ${expression}`);
};
const shot = async (name) => {
  const { data } = await call("browsingContext.captureScreenshot", { context, origin: "document" });
  writeFileSync(join(out, `${name}.png`), Buffer.from(data, "base64"));
};

await call("browsingContext.navigate", { context, url: `file://${page_}`, wait: "complete" });
const all = readdirSync(folder).filter((name) => /\.(zip|json|age|note|identity)$/.test(name));
const files = all.some((name) => name.endsWith(".identity.age")) ? all.filter((name) => name !== "demo.identity") : all;
const input = await run(`document.getElementById("files")`);
await call("input.setFiles", { context, element: { sharedId: input.sharedId }, files: files.map((name) => join(folder, name)) });
await until(`document.querySelectorAll(".slot.have").length === ${files.length}`);
const locked = files.some((name) => name.endsWith(".identity.age"));
if (locked) await run(`document.getElementById("passphrase").value = ${JSON.stringify(readFileSync(join(folder, "passphrase.txt"), "utf8").trim())}`);
const began = performance.now();
await run(`document.getElementById("check").click()`);
await until(`document.getElementById("working").hidden`);
said.ms = Math.round(performance.now() - began);
said.problem = await text(`document.getElementById("problem").textContent`);
said.verdict = await text(`document.getElementById("verdict").textContent`);
said.pager = await text(`document.querySelector("#pager p").textContent`);
said.held = await text(`await fetch("http://127.0.0.1:9/").then(() => "out", () => "held")`);
await shot("firefox");
for (const [place, name] of [[0, "verification.json"], [1, "records.csv"]]) {
  await run(`document.querySelectorAll(".save button")[${place}].click()`);
  const path = join(out, name);
  for (let turn = 0; turn < 100 && !(existsSync(path) && statSync(path).size > 0); turn++) await new Promise((done) => setTimeout(done, 100));
}
await call("browser.close", {}).catch(() => {});
await new Promise((done) => firefox.on("exit", done));
process.stdout.write(JSON.stringify(said));
process.exit(0);
