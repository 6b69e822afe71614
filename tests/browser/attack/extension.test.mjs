// A malicious extension with every permission: it may write what it likes into its own requests, and it is a stranger
// still. It hears nothing of the panel's requests. With the keyless setting it does get in, which is that setting's price.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { browser, checked, Clinic, folder, good, ID, mode, packed, pair, panel, ROOT, until, wait } from "../extension/kit.mjs";
import { cpSync } from "node:fs";

let clinic, context, evil, own;
const at = (path) => `http://127.0.0.1:${clinic.port}${path}`;
const set = (header, value) => ({ header, operation: "set", value });
const remove = (header) => ({ header, operation: "remove" });
const FORGED = [set("Origin", `chrome-extension://${ID}`), set("Sec-Fetch-Site", "none")];
const BARE = ["Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "User-Agent"].map(remove);
const ASK = { model: "demo-clinic", messages: [{ role: "user", content: "hello" }] };
const send = (path, body, headers) => evil.evaluate(([url, what, more]) => send(url, what, more), [at(path), body, headers ?? {}]);
const forge = (headers) => evil.evaluate((rules) => forge(rules), headers);

before(async () => {
  clinic = await Clinic.start();
  const path = join(folder(), "evil");
  cpSync(join(ROOT, "tests/browser/attack/evil"), path, { recursive: true });
  context = await browser({ extensions: [packed(clinic.port), path] });
  evil = await until(() => context.serviceWorkers().find((one) => one.url().endsWith("/worker.js")));
  own = await panel(context);
  await pair(own, clinic);
});
after(async () => {
  await context?.close();
  await clinic?.end();
});

test("with its own Origin it is refused", async () => {
  for (const path of ["/cordon/v1/status", "/cordon/v1/ask", "/v1/chat/completions"]) {
    assert.equal((await send(path, ASK)).code, "origin_refused");
  }
});

test("with the panel's Origin it is refused for want of a token", async () => {
  await forge(FORGED);
  await clinic.do("seen");
  for (const path of ["/cordon/v1/status", "/cordon/v1/preview", "/cordon/v1/ask"]) {
    assert.deepEqual([(await send(path, ASK)).status, (await send(path, ASK, { Authorization: `Bearer cordon_${"A".repeat(43)}` })).status], [401, 401]);
  }
  const { seen } = await clinic.do("seen");
  assert.ok(seen.every((one) => one.origin === `chrome-extension://${ID}`), "the forgery arrived");
  assert.ok(Object.keys((await clinic.do("stats")).refused).some((mark) => mark.endsWith("access token_unknown")));
});

test("with the panel's Origin it gets a proof of nothing", async () => {
  const first = await send("/cordon/v1/hello", { nonce: "A".repeat(43), kid: "0".repeat(16) });
  const again = await send("/cordon/v1/hello", { nonce: "A".repeat(43), kid: "0".repeat(16) });
  assert.equal(first.status, 200);
  assert.notEqual(JSON.parse(first.text).proof, "");
  assert.equal(JSON.parse(again.text).state, "ok"); // it does not learn which tokens exist
});

test("guessing the eight digits ends the window after five tries, and then all tries", async () => {
  const code = await clinic.code();
  const wrong = code === "00000000" ? "00000001" : "00000000";
  const codes = [];
  for (let n = 0; n < 5; n += 1) codes.push((await send("/cordon/v1/pair", { code: wrong, remember: true })).code);
  assert.deepEqual(codes, Array(5).fill("pairing_code_wrong"));
  assert.equal((await send("/cordon/v1/pair", { code, remember: true })).code, "pairing_closed");
  const more = [];
  for (let n = 0; n < 6; n += 1) more.push((await send("/cordon/v1/pair", { code, remember: true })).code);
  assert.ok(more.includes("too_many_attempts"));
});

test("without Origin and Sec-Fetch-Site it looks like a program, and has no program's token", async () => {
  await forge(BARE);
  await clinic.do("seen");
  for (const path of ["/v1/chat/completions", "/api/chat", "/cordon/v1/status"]) {
    assert.match((await send(path, ASK)).text, /"token_missing"/);
  }
  const { seen } = await clinic.do("seen");
  assert.ok(seen.every((one) => one.origin === "" && one.site === ""), "the marks were removed");
});

test("where an administrator allows keyless programs, it gets in: the price that the manual names", async () => {
  await clinic.do("keyless", { on: true });
  assert.equal((await send("/v1/chat/completions", ASK)).status, 200);
  assert.notEqual((await send("/cordon/v1/status", {})).status, 200);
  await clinic.do("keyless", { on: false });
  assert.equal((await send("/v1/chat/completions", ASK)).status, 401);
  await forge([]);
});

test("it hears no request of the panel, and cannot speak to it", async () => {
  await evil.evaluate(() => (heard.length = 0));
  await own.bringToFront();
  await good(own);
  await checked(own);
  await own.click("#go");
  await mode(own, "answered");
  await wait(200);
  const lines = await evil.evaluate((port) => heard.filter((one) => one.url.includes(port) || JSON.stringify(one.headers).includes("cordon_")), String(clinic.port));
  assert.deepEqual(lines, []);
  const said = await evil.evaluate((id) => chrome.runtime.sendMessage(id, { open: "panel" }).then(() => "answered", (error) => error.message), ID);
  assert.match(said, /Could not establish connection/);
});
