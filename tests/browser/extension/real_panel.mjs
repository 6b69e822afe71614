// The real side panel, the real menu and the real key, under Xvfb: what headless Chromium cannot show.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import http from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as kit from "./kit.mjs";

const PAGE = `<!doctype html><title>Record</title><style>body{font:15px/1.5 sans-serif;margin:32px 40px;color:#222}h1{font-size:22px}td{padding:2px 24px 2px 0}iframe{width:600px;height:110px;border:1px solid #bbb}</style>
<h1>Record</h1><div id="note"><p>Patient: Nimal Perera</p><table><tr><td>MRN</td><td>20-48813</td></tr><tr><td>K</td><td>6.1</td></tr></table><p>Plan: ECG</p></div>
<iframe src="http://localhost:FRAME/"></iframe>`;
const FRAME = "<!doctype html><body style='font:16px sans-serif'><p id=f>Ana Fonseka<br>called on 14 March 2024</p>";
let clinic, context, record, cdp, panel, servers;

const xdotool = (...words) => execFileSync("xdotool", words);
const key = (...names) => xdotool("key", "--clearmodifiers", ...names);

before(async () => {
  clinic = await kit.Clinic.start();
  const serve = (body) => new Promise((tell) => {
    const server = http.createServer((_q, reply) => (reply.setHeader("Content-Type", "text/html"), reply.end(body())));
    server.listen(0, "127.0.0.1", () => tell(server));
  });
  const frame = await serve(() => FRAME);
  const main = await serve(() => PAGE.replace("FRAME", frame.address().port));
  servers = [frame, main];
  context = await kit.browser({
    extensions: [kit.packed(clinic.port)], headless: false, viewport: null, args: ["--test-type", "--window-size=1200,800", "--window-position=0,0"],
  });
  await kit.worker(context);
  const own = await kit.panel(context);
  await kit.pair(own, clinic, { remember: false });
  record = context.pages()[0];
  await own.close();
  await record.goto(`http://127.0.0.1:${main.address().port}/`);
  cdp = await context.browser()?.newBrowserCDPSession() ?? await context.newCDPSession(record);
});
after(async () => {
  await context?.close();
  servers?.forEach((server) => server.close());
  await clinic?.end();
});

/** The side panel is a target that Playwright does not list as a page. */
async function attach() {
  const { targetInfos } = await cdp.send("Target.getTargets");
  const target = targetInfos.find((one) => one.url.endsWith("/panel.html"));
  if (!target) return null;
  const { sessionId } = await cdp.send("Target.attachToTarget", { targetId: target.targetId, flatten: false });
  let last = 0;
  const waiting = new Map();
  cdp.on("Target.receivedMessageFromTarget", ({ sessionId: from, message }) => {
    const said = JSON.parse(message);
    if (from === sessionId) waiting.get(said.id)?.(said.result);
  });
  return async (expression) => {
    const id = (last += 1);
    const reply = new Promise((tell) => waiting.set(id, tell));
    const params = { expression, userGesture: true, awaitPromise: true, returnByValue: true };
    await cdp.send("Target.sendMessageToTarget", { sessionId, message: JSON.stringify({ id, method: "Runtime.evaluate", params }) });
    return (await reply).result.value;
  };
}

async function select(frame, id) {
  await frame.evaluate((name) => {
    const range = document.createRange();
    range.selectNodeContents(document.getElementById(name));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  }, id);
}

async function click(frame, selector) {
  const box = await (await frame.$(selector)).boundingBox();
  const at = await record.evaluate(() => ({ x: screenX + (outerWidth - innerWidth) / 2, y: screenY + outerHeight - innerHeight }));
  xdotool("mousemove", String(Math.round(at.x + box.x + 30)), String(Math.round(at.y + box.y + 10)), "click", "3");
  await kit.wait(700);
  key("Up", "Up", "Return"); // our entry stands above Inspect
}

test("the menu opens the panel, and the text arrives with its lines", async () => {
  await select(record.mainFrame(), "note");
  await click(record, "#note p");
  panel = await kit.until(attach, 15_000);
  await kit.until(() => panel("document.body.dataset.mode === 'review'"), 15_000);
  const text = await panel("document.getElementById('text').value");
  assert.match(text, /Patient: Nimal Perera\n+MRN\s+20-48813\s*\nK\s+6\.1\s*\n+Plan: ECG/);
  assert.match(await panel("document.getElementById('preview-count').textContent"), /2 identifiers replaced/);
});

test("the panel streams on while the tabs change", async () => {
  await clinic.do("hold");
  await panel("document.getElementById('go').click()");
  await kit.until(() => panel("document.body.dataset.mode === 'asking' || document.body.dataset.mode === 'answering'"));
  const other = await context.newPage();
  await other.goto("about:blank");
  await clinic.do("go");
  await kit.until(() => panel("document.body.dataset.mode === 'answered'"));
  await other.close();
  await record.bringToFront();
  if (process.env.CORDON_PICTURES) {
    const path = join(process.env.CORDON_PICTURES, "side-panel.png");
    execFileSync("import", ["-window", "root", "-crop", "1200x800+0+0", path]);
    execFileSync("convert", [path, "-strip", "-dither", "None", "-colors", "96", `png8:${path}`]);
  }
});

test("the key takes the selection, also from a frame of another origin", async () => {
  const frame = record.frames().find((one) => one.url().includes("localhost"));
  await record.evaluate(() => getSelection().removeAllRanges());
  const box = await (await frame.$("#f")).boundingBox();
  await record.mouse.click(box.x + 5, box.y + 5);
  await select(frame, "f");
  await click(frame, "#f");
  await kit.until(() => panel("document.getElementById('text').value.includes('Ana Fonseka')"), 15_000);
  await record.evaluate(() => document.querySelector("h1").focus());
  await record.mouse.click(300, 60);
  await select(record.mainFrame(), "note");
  key("alt+shift+s");
  await kit.until(() => panel("document.getElementById('text').value.includes('20-48813')"), 15_000);
});
