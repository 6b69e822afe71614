// What an administrator sets: late, missing, changed; and the policies that this browser knows.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as kit from "./kit.mjs";

const POLICIES = "/etc/chromium/policies/managed";
let clinic, context, page;

/** Policies lie in a folder of the system: this process works on a copy of its own, in a mount namespace. */
function alone() {
  if (process.env.CORDON_ALONE) return true;
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const ran = spawnSync("unshare", ["-m", process.execPath, import.meta.filename], {
    env: { ...env, CORDON_ALONE: "1" }, stdio: ["ignore", 2, 2],
  });
  process.exit(ran.status ?? 1);
}

function policy(name, value) {
  writeFileSync(join(POLICIES, `${name}.json`), JSON.stringify(value));
}

/** What the package of a managed computer installs: a manifest that names our extension alone, and the program. */
function nativeHost() {
  const hosts = "/etc/chromium/native-messaging-hosts";
  mkdirSync(hosts, { recursive: true });
  execFileSync("mount", ["-t", "tmpfs", "none", hosts]);
  const program = join(clinic.folder, "cordon-panel-host");
  writeFileSync(program, `#!/bin/sh\ncd ${kit.ROOT} && exec ${kit.PYTHON} -m proxy.cli.panel_host --socket ${clinic.api} "$@"\n`, { mode: 0o755 });
  const manifest = { name: "org.cordon.pair", description: "Cordon", path: program, type: "stdio", allowed_origins: [`chrome-extension://${kit.ID}/`] };
  writeFileSync(join(hosts, "org.cordon.pair.json"), JSON.stringify(manifest));
}

/** The extension with the optional permission given, as after the user's one press on *Allow*. */
function permitted(port) {
  const path = kit.packed(port);
  const manifest = JSON.parse(readFileSync(join(path, "manifest.json"), "utf8"));
  manifest.permissions.push(...manifest.optional_permissions);
  writeFileSync(join(path, "manifest.json"), JSON.stringify(manifest));
  return path;
}

const ours = (values) => ({ "3rdparty": { extensions: { [kit.ID]: values } } });

alone();

before(async () => {
  mkdirSync("/etc/chromium/policies", { recursive: true });
  execFileSync("mount", ["-t", "tmpfs", "none", "/etc/chromium/policies"]);
  mkdirSync(POLICIES);
  policy("panel", ours({ organisation: "Lakeside Hospital", helpContact: "extension 4711", copyWithNames: "never", rememberPairing: false, uiLanguage: "ta", maxChars: 500 }));
  policy("hardening", JSON.parse(readFileSync(join(kit.ROOT, "extension/policies/chromium-hardening.json"), "utf8")));
  clinic = await kit.Clinic.start();
  context = await kit.browser({ extensions: [kit.packed(clinic.port)] });
  await kit.worker(context);
  page = await kit.panel(context);
});
after(async () => {
  await context?.close();
  await clinic?.end();
});

test("the administrator's settings hold: language, no kept pairing, no copy with names, the lower limit", async () => {
  await page.waitForSelector('html[lang="ta"]');
  assert.equal(await page.isVisible("#remember-row"), false);
  await kit.pair(page, clinic);
  await kit.checked(page);
  await page.click("#go");
  await kit.mode(page, "answered");
  assert.equal(await page.isVisible("#copy"), true);
  assert.equal(await page.isVisible("#copy-names"), false);
  await page.click("#badge");
  assert.match(await page.textContent("#facts"), /Lakeside Hospital/);
  assert.equal(await page.isDisabled("#language"), true);
  await page.click("#about-close");
  await page.click("#new");
  await page.fill("#text", "word ".repeat(120));
  await page.click("#go");
  await kit.error(page, "E8");
});

test("a change arrives while the panel is open", async () => {
  policy("panel", ours({ copyWithNames: "ask", uiLanguage: "en" }));
  const other = await context.newPage();
  await other.goto("chrome://policy");
  await other.click("#more-actions-button, #reload-policies").catch(() => {});
  await other.click("#reload-policies").catch(() => {});
  await page.bringToFront();
  await page.waitForSelector('html[lang="en"]', { timeout: 20_000 });
  await other.close();
});

test("what the browser itself would send is off: it knows each policy of the file", async () => {
  const other = await context.newPage();
  await other.goto("chrome://policy");
  const names = Object.keys(JSON.parse(readFileSync(join(kit.ROOT, "extension/policies/chromium-hardening.json"), "utf8")));
  const shown = await kit.until(async () => {
    const rows = await other.evaluate(() => {
      const texts = [];
      const walk = (root) => root.querySelectorAll("*").forEach((node) => {
        if (node.shadowRoot) walk(node.shadowRoot);
        if (node.matches?.(".policy.row")) texts.push(node.innerText.replace(/\s+/g, " ").trim());
      });
      walk(document);
      return texts;
    });
    return names.every((name) => rows.some((row) => row.startsWith(`${name} `))) && rows;
  });
  const said = names.map((name) => shown.find((row) => row.startsWith(`${name} `)));
  assert.deepEqual(said.filter((row) => !/\bOK\b/.test(row)), []);
  await other.close();
});

test("native messaging connects without digits: the token comes over the user's own socket", async () => {
  nativeHost();
  await clinic.do("seen");
  const second = await kit.browser({ extensions: [permitted(clinic.port)] });
  const own = await kit.panel(second);
  await kit.good(own);
  const { seen } = await clinic.do("seen");
  const names = seen.filter((one) => one.host !== `127.0.0.1:${clinic.port}` || one.origin).map((one) => one.path.split("/").at(-1));
  assert.ok(names.indexOf("clients") >= 0 && !names.includes("pair"), names.join());
  await kit.checked(own);
  await own.click("#badge");
  await own.click("#unpair");
  await kit.error(own, "E2");
  await own.click("#error-other");
  await kit.good(own);
  await second.close();
});
