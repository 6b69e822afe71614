// A hostile web page: every way a page has to make a request, to every name of this computer. None is answered with
// anything but a refusal, no model is asked, and each refusal leaves its mark.
import assert from "node:assert/strict";
import http from "node:http";
import { after, before, test } from "node:test";
import { browser, Clinic, NOTE, packed, pair, panel, checked, mode, worker, ID, wait } from "../extension/kit.mjs";

let clinic, evil, port, own;
const contexts = [];
const PATHS = ["/v1/chat/completions", "/api/chat", "/cordon/v1/preview", "/cordon/v1/pair", "/cordon/v1/hello", "/v1/models", "/"];

before(async () => {
  clinic = await Clinic.start();
  evil = http.createServer((_request, reply) => {
    reply.setHeader("Content-Type", "text/html");
    reply.end("<!doctype html><title>evil</title><body>");
  });
  await new Promise((tell) => evil.listen(0, "127.0.0.1", tell));
  port = evil.address().port;
  own = await panel(await open()); // a user without a token has four connections, which would hide what is tried here
  await pair(own, clinic);
});
after(async () => {
  await Promise.all(contexts.map((context) => context.close()));
  evil.close();
  await clinic?.end();
});

async function open(args = []) {
  const context = await browser({ extensions: [packed(clinic.port)], args });
  contexts.push(context);
  await worker(context);
  return context;
}

/** Everything a page can do without anybody's help. */
function attack({ hosts, paths, code }) {
  const body = JSON.stringify({ model: "demo-clinic", messages: [{ role: "user", content: "hello" }], code, nonce: "A".repeat(43), kid: "0".repeat(16) });
  const quiet = (promise) => Promise.race([promise, new Promise((tell) => setTimeout(() => tell({ status: 0 }), 4000))]).then((r) => r.status ?? 0, () => 0);
  const loads = (tag, url) => new Promise((tell) => {
    const node = document.createElement(tag);
    node.onload = () => tell("loaded");
    node.onerror = () => tell("refused");
    setTimeout(() => tell("nothing"), 3000);
    if (tag === "link") Object.assign(node, { rel: "stylesheet", href: url });
    else node.src = url;
    document.body.append(node);
  });
  const socket = (url) => new Promise((tell) => {
    const one = new WebSocket(url.replace("http", "ws"));
    one.onopen = () => tell("open");
    one.onerror = () => tell("refused");
    setTimeout(() => tell("nothing"), 3000);
  });
  const form = (url) => {
    const frame = Object.assign(document.createElement("iframe"), { name: `f${Math.random()}` });
    const node = Object.assign(document.createElement("form"), { action: url, method: "POST", enctype: "text/plain", target: frame.name });
    node.append(Object.assign(document.createElement("input"), { name: `${body.slice(0, -1)},"x":"`, value: '"}' }));
    document.body.append(frame, node);
    node.submit();
  };
  const tries = hosts.flatMap((host) => paths.flatMap((path) => {
    const url = `http://${host}${path}`;
    form(url);
    return [
      quiet(fetch(url, { method: "POST", body, headers: { "Content-Type": "application/json" } })),
      quiet(fetch(url, { method: "POST", body, headers: { "Content-Type": "application/json", Authorization: "Bearer cordon_x" } })),
      quiet(fetch(url, { method: "POST", body, mode: "no-cors" })), quiet(fetch(url)), quiet(fetch(url, { method: "OPTIONS" })),
    ];
  }));
  const others = hosts.flatMap((host) => [
    loads("img", `http://${host}/healthz`), loads("script", `http://${host}/v1/models`), loads("link", `http://${host}/`),
    loads("iframe", `http://${host}/`), socket(`http://${host}/v1/chat/completions`), socket(`http://${host}/cordon/v1/ask`),
  ]);
  navigator.sendBeacon(`http://${hosts[0]}/v1/chat/completions`, new Blob([body], { type: "text/plain" }));
  return Promise.all([Promise.all(tries), Promise.all(others)]);
}

const hosts = () => ["127.0.0.1", "[::1]", "localhost", "0.0.0.0", "127.1"].map((name) => `${name}:${clinic.port}`);

async function nothingGot() {
  await wait(300);
  const all = (await clinic.do("seen")).seen;
  const seen = all.filter((one) => one.origin !== `chrome-extension://${ID}`); // the panel itself is there, too
  const { prompts, refused, generating } = await clinic.do("stats");
  assert.deepEqual(seen.filter((one) => one.status < 400), []);
  assert.deepEqual([prompts, generating], [[], 0]);
  return { seen, refused };
}

test("DNS rebinding: a name that now leads here", async () => {
  // The browser may refuse this by itself; the service must do so where it does not.
  const context = await open(["--host-resolver-rules=MAP evil.test 127.0.0.1", "--disable-features=LocalNetworkAccessChecks"]);
  const page = await context.newPage();
  await clinic.do("stats");
  await clinic.do("seen");
  const reply = await page.goto(`http://evil.test:${clinic.port}/v1/models`);
  assert.equal(reply.status(), 403);
  assert.match(await reply.text(), /wrong_host/);
  // The page came from the attacker's own server, before the name was pointed here.
  await page.route("**/start", (route) => route.fulfill({ contentType: "text/html", body: "<title>evil</title>" }));
  await page.goto(`http://evil.test:${clinic.port}/start`);
  const statuses = await page.evaluate(async () => {
    const say = (path, options) => fetch(path, options).then(async (r) => [r.status, (await r.text()).includes("wrong_host")]);
    const headers = { "Content-Type": "application/json", Authorization: "Bearer cordon_x" };
    return [await say("/v1/models"), await say("/v1/chat/completions", { method: "POST", headers, body: "{}" }), await say("/healthz")];
  });
  assert.deepEqual(statuses, [[403, true], [403, true], [403, true]]);
  const { refused } = await nothingGot();
  assert.ok(Object.keys(refused).some((mark) => mark.endsWith("access wrong_host")));
});

test("a page on another port of this computer", async () => {
  const page = await contexts[0].newPage();
  await page.goto(`http://127.0.0.1:${port}/`);
  await clinic.code(); // a window is open, and guessing it from a page is not even tried against it
  await clinic.do("seen");
  const [statuses, loaded] = await page.evaluate(attack, { hosts: hosts(), paths: PATHS, code: "12345678" });
  assert.deepEqual(statuses.filter((status) => status >= 200 && status < 400), []);
  assert.ok(!loaded.includes("open"));
  const { seen, refused } = await nothingGot();
  assert.ok(seen.length > 40, `${seen.length} arrived and were refused`);
  const marks = Object.keys(refused).map((mark) => mark.split(" ").at(-1));
  for (const mark of ["origin_refused", "browser_refused", "wrong_host"]) assert.ok(marks.includes(mark), mark);
});

test("the same page from the internet, as the browser sees it", async () => {
  const context = await open([`--ip-address-space-overrides=127.0.0.1:${port}=public`]);
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${port}/`);
  await clinic.do("seen");
  const [statuses] = await page.evaluate(attack, { hosts: hosts().slice(0, 2), paths: PATHS.slice(0, 3), code: "12345678" });
  assert.deepEqual(statuses.filter((status) => status >= 200 && status < 400), []);
  await nothingGot();
});

test("the panel in a frame of a page stays empty", async () => {
  const context = contexts[0];
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${port}/`);
  await clinic.do("seen");
  await page.evaluate((id) => {
    document.body.append(Object.assign(document.createElement("iframe"), { src: `chrome-extension://${id}/panel.html` }));
  }, ID);
  await wait(1000);
  assert.ok(!page.frames().some((frame) => frame.url().startsWith("chrome-extension://")));
  assert.deepEqual((await clinic.do("seen")).seen.filter((one) => !one.token && !one.path.endsWith("hello")), []);
});

test("a paired panel works while a page attacks", async () => {
  const context = contexts[0];
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${port}/`);
  const attacking = page.evaluate(attack, { hosts: hosts(), paths: PATHS, code: "12345678" });
  await own.bringToFront();
  await checked(own, NOTE);
  await own.click("#go");
  await mode(own, "answered");
  assert.match(await own.textContent("#said"), /Nimal Perera/);
  await attacking;
});
