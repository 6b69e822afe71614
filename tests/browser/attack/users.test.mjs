// Another user of this computer (uid 65534): squats the port, uses a stolen token, opens the socket and the registry,
// guesses, floods. The panel gives it nothing; the service refuses it; its owner is still served.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import readline from "node:readline";
import { after, before, test } from "node:test";
import { browser, checked, Clinic, error, good, ID, mode, NOTE, packed, pair, panel, PYTHON, ROOT, until, worker } from "../extension/kit.mjs";

const NOBODY = ["--reuid", "65534", "--regid", "65534", "--clear-groups", process.execPath, "--input-type=module", "-e"];
const SCRIPT = readFileSync(join(import.meta.dirname, "other_user.mjs"), "utf8");
const ORIGIN = `chrome-extension://${ID}`;
let clinic, context, own, port, token;

const run = (...words) => new Promise((tell, fail) => {
  execFile("setpriv", [...NOBODY, SCRIPT, "--", ...words], { cwd: "/" }, (failed, out) => (failed ? fail(failed) : tell(JSON.parse(out))));
});
const ask = (wish) => run("ask", JSON.stringify({ port, ...wish }));
const code = ({ status, text }) => (status === 200 ? "ok" : status === 0 ? text : JSON.parse(text).error.code);

async function squat(real = 0) {
  const child = spawn("setpriv", [...NOBODY, SCRIPT, "--", "squat", String(port), String(real)], { cwd: "/", stdio: ["ignore", "pipe", "inherit"] });
  const got = [];
  readline.createInterface({ input: child.stdout }).on("line", (line) => got.push(JSON.parse(line)));
  await until(() => got.length > 0);
  return { got, listening: got.shift().listening, end: () => new Promise((tell) => (child.exitCode ?? child.signalCode) !== null ? tell() : (child.on("exit", tell), child.kill())) };
}

before(async () => {
  clinic = await Clinic.start();
  port = clinic.port;
  context = await browser({ extensions: [packed(port)] });
  await worker(context);
  own = await panel(context);
  await pair(own, clinic);
  token = await own.evaluate(async () => (await chrome.storage.session.get("credential")).credential.token);
});
after(async () => {
  await context?.close();
  await clinic?.end();
});

test("a stolen token is useless to another user, with and without the panel's Origin", async () => {
  const headers = { Authorization: `Bearer ${token}` };
  assert.equal(code(await ask({ path: "/cordon/v1/status", headers: { ...headers, Origin: ORIGIN } })), "token_other_user");
  assert.equal(code(await ask({ path: "/v1/chat/completions", headers })), "token_other_user");
  const { refused } = await clinic.do("stats");
  assert.equal(refused["uid:65534 access token_other_user"], 2);
});

test("the socket, the registry and a pairing window belong to their user", async () => {
  assert.equal(code(await ask({ port: undefined, socketPath: clinic.api, path: "/cordon/v1/clients", body: { op: "list" } })), "EACCES");
  assert.deepEqual(await run("read", join(clinic.folder, "access/clients.json")), { error: "EACCES" });
  const digits = await clinic.code();
  assert.equal(code(await ask({ path: "/cordon/v1/pair", headers: { Origin: ORIGIN }, body: { code: digits, remember: false } })), "pairing_closed");
  await clinic.do("keyless", { on: true });
  assert.equal(code(await ask({ path: "/v1/chat/completions" })), "token_missing");
  await clinic.do("keyless", { on: false });
});

test("neither loopback family can be taken while Cordon listens", async () => {
  const other = await squat();
  assert.deepEqual(other.listening, ["EADDRINUSE", "EADDRINUSE"]);
  await other.end();
});

test("a squatter that relays the proof from the real service gets no token and no text", async () => {
  const real = port + 1 > 65_535 ? port - 1 : port + 1;
  await clinic.do("stop");
  await clinic.do("start", { port: real });
  const other = await squat(real);
  assert.deepEqual(other.listening, ["listening", "listening"]);
  await own.reload();
  await error(own, "E3");
  await own.click("#error-action");
  await until(() => other.got.length >= 2);
  assert.ok(other.got.every((one) => one.url === "/cordon/v1/hello" && one.authorization === ""), JSON.stringify(other.got));
  assert.ok(other.got.every((one) => Object.keys(JSON.parse(one.body)).sort().join() === "kid,nonce"));
  await other.end();
  await clinic.do("stop");
  await clinic.do("start", { port });
  await own.click("#error-action");
  await good(own);
});

test("a squatter gets the digits of an unpaired panel and nothing else, and its invented token dies with No", async () => {
  await own.click("#badge");
  await own.click("#unpair");
  await error(own, "E2");
  await clinic.do("lose_port");
  const other = await squat();
  const refused = await new Promise((tell) => {
    execFile(PYTHON, ["-m", "proxy", "pair", "--socket", clinic.api], { cwd: ROOT }, (failed, out, err) => tell({ status: failed?.code ?? 0, said: out + err }));
  });
  assert.equal(refused.status, 2);
  assert.match(refused.said.replace(/\s+/g, " "), /belongs to another user's program \(uid 65534\)\. Do not pair/);
  await own.fill("#code", "12345678");
  await own.click("#pair button");
  await own.waitForSelector("#confirm:not([hidden])");
  assert.equal(await own.isVisible("#text"), false);
  await own.click("#confirm-no");
  await error(own, "E3");
  assert.deepEqual(other.got.map((one) => [one.url, one.authorization, JSON.parse(one.body)]), [["/cordon/v1/pair", "", { code: "12345678", remember: false }]]);
  await other.end();
  await clinic.do("stop");
  await clinic.do("start", { port });
  await own.click("#error-other");
  await pair(own, clinic);
});

test("a thousand wrong tokens of another user are refused, noted once, and the panel works meanwhile", async () => {
  await clinic.do("stats");
  const flooding = run("flood", String(port));
  await checked(own, NOTE);
  await own.click("#go");
  await mode(own, "answered");
  const statuses = await flooding;
  assert.equal(Object.keys(statuses).some((status) => status.startsWith("2")), false);
  const { refused } = await clinic.do("stats");
  const lines = Object.keys(refused).filter((mark) => mark.startsWith("uid:65534"));
  assert.ok(lines.length <= 3, JSON.stringify(refused)); // by cause, not by attempt
});
