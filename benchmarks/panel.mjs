// What a clinician waits for, measured in the panel itself; started by benchmarks/panel.py with the service's port.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { browser, checked, good, mode, packed, panel, until, worker } from "../tests/browser/extension/kit.mjs";

const { port, code, notes, rounds, answers, curl, curlBodies } = JSON.parse(readFileSync(0, "utf8"));
const context = await browser({ extensions: [packed(port)] });
await worker(context);
const page = await panel(context, { height: 900 });
await page.fill("#code", code);
await page.click("#pair button");
await page.click("#confirm-yes");
await good(page);

/** Time in the page from a key or a press until what is asked for stands in the document and was painted. */
const timed = (act, shown) => page.evaluate(([what, wanted]) => new Promise((tell) => {
  const began = performance.now();
  const watch = new MutationObserver(() => {
    if (!document.querySelector(wanted)?.checkVisibility()) return;
    watch.disconnect();
    requestAnimationFrame(() => setTimeout(() => tell(performance.now() - began)));
  });
  watch.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
  if (what === "key") document.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", ctrlKey: true, bubbles: true }));
  else document.getElementById(what).click();
}), [act, shown]);

async function write(text) {
  if (await page.isVisible("#new")) await page.click("#new");
  await page.fill("#text", text);
  await page.fill("#question", "Summarise this note in two sentences.");
}

const previews = [];
const again = [];
for (let n = 0; n < rounds; n += 1) {
  await write(notes[n]);
  previews.push(await timed("key", 'body[data-mode="review"] #seen .chip'));
  await page.fill("#question", "List the open problems in this note.");
  again.push(await timed("key", 'body[data-mode="review"] #seen .chip'));
}
/** Time from starting `curl -N` with this body until the first words of the answer leave it. */
const curled = (body) => new Promise((tell, fail) => {
  const began = performance.now();
  const child = spawn(curl[0], [...curl.slice(1), "--data-binary", "@-"], { stdio: ["pipe", "pipe", "inherit"] });
  let read = "";
  let first = 0;
  child.stdout.on("data", (bytes) => {
    read += bytes;
    if (!first && /"content":\s*"[^"]/u.test(read)) first = performance.now() - began;
  });
  child.on("close", () => (first ? tell(first) : fail(new Error("curl got no words"))));
  child.stdin.end(JSON.stringify(body));
});

const firsts = [];
const plain = [];
async function byPanel(note) {
  await write(note);
  await page.click("#go");
  await mode(page, "review");
  firsts.push(await timed("go", "#said:not([hidden])"));
  await until(async () => (await page.getAttribute("body", "data-mode")) === "answered");
}
for (let n = 0; n < rounds; n += 1) {
  // In turn, and the first of a pair in turn too: both bear the same load of the machine.
  const pair = [() => byPanel(notes[rounds + n]), async () => plain.push(await curled(curlBodies[n]))];
  for (const one of n % 2 ? pair.reverse() : pair) await one();
}
const cdp = await context.newCDPSession(page);
async function heap() {
  for (let n = 0; n < 3; n += 1) await cdp.send("HeapProfiler.collectGarbage");
  const { metrics } = await cdp.send("Performance.getMetrics");
  const of = (name) => metrics.find((one) => one.name === name).value;
  return { bytes: of("JSHeapUsedSize"), nodes: of("Nodes") };
}
await cdp.send("Performance.enable");
await page.click("#new");
const before = await heap();
for (let n = 0; n < answers; n += 1) {
  await checked(page, notes[n % notes.length]);
  await page.click("#go");
  await mode(page, "answered");
}
await page.click("#new");
const after = await heap();
process.stdout.write(JSON.stringify({ previews, again, firsts, plain, before, after }));
await context.close();
process.exit(0);
