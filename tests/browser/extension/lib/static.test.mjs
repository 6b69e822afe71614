// What the extension must not have, must not do, and must not ask for.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";

const EXTENSION = join(import.meta.dirname, "../../../../extension");
const read = (name) => readFileSync(join(EXTENSION, name), "utf8");
const files = readdirSync(EXTENSION, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && !entry.parentPath.includes("__pycache__"))
  .map((entry) => join(entry.parentPath, entry.name).slice(EXTENSION.length + 1));
const scripts = files.filter((name) => name.endsWith(".js"));
const shipped = files.filter((name) => /\.(js|html|css)$/.test(name));
const manifest = JSON.parse(read("manifest.json"));

const BANNED = [
  /\binner(?:HTML|Text)\b/, /\bouterHTML\b/, /insertAdjacentHTML/, /document\.write/, /\beval\b/, /new Function/, /\bconsole\b/,
  /storage\.sync/, /localStorage/, /sessionStorage/, /indexedDB/, /XMLHttpRequest/, /EventSource/, /WebSocket/, /sendBeacon/,
  /navigator\.userAgent/, /externally/i, /onMessageExternal/, /\bimport\(/, /setTimeout\(\s*["'`]/, /data:text/,
];

for (const name of scripts) {
  test(`${name} does nothing that it must not`, () => {
    for (const banned of BANNED) assert.doesNotMatch(read(name), banned);
    if (name !== "lib/api.js" && name !== "panel.js") assert.doesNotMatch(read(name), /\bfetch\b(?!,| anything|;|\.)/);
  });
}

test("the only address is this computer's", () => {
  const urls = shipped.flatMap((name) => [...read(name).matchAll(/\b(?:https?|wss?|ftp):\/\/[^\s"'`;]*/g)].map(([url]) => url));
  const other = urls.filter((url) => url !== "http://www.w3.org/2000/svg" && url !== "http://${HOST}");
  assert.deepEqual(other, []);
  assert.match(read("lib/address.js"), /"127\.0\.0\.1:8642"/);
});

test("one file speaks to the service", () => {
  const speakers = scripts.filter((name) => /\bfetch\(/.test(read(name)));
  assert.deepEqual(speakers.sort(), ["lib/api.js", "panel.js"]);
  assert.match(read("panel.js"), /fetch: \(\.\.\.request\) => fetch\(\.\.\.request\)/);
});

test("the worker is small and holds nothing", () => {
  assert.ok(read("background.js").split("\n").length <= 60);
  assert.doesNotMatch(read("background.js"), /credential|token|import /);
  assert.doesNotMatch(JSON.stringify(files.filter((n) => n.startsWith("_locales")).map(read)), /%s/);
});

test("the manifest asks for exactly this", () => {
  assert.deepEqual(Object.keys(manifest).sort(), [
    "action", "background", "commands", "content_security_policy", "default_locale", "description", "host_permissions", "icons",
    "incognito", "key", "manifest_version", "minimum_chrome_version", "name", "optional_permissions", "permissions", "side_panel", "storage", "version",
  ]);
  assert.deepEqual(manifest.permissions, ["sidePanel", "contextMenus", "activeTab", "scripting", "storage"]);
  assert.deepEqual(manifest.optional_permissions, ["nativeMessaging"]); // asked for only where an administrator set it up
  assert.deepEqual(manifest.host_permissions, ["http://127.0.0.1:8642/*"]);
  assert.equal(manifest.incognito, "not_allowed");
  const csp = manifest.content_security_policy.extension_pages;
  for (const rule of ["default-src 'none'", "script-src 'self'", "connect-src http://127.0.0.1:8642", "frame-ancestors 'none'",
    "require-trusted-types-for 'script'", "trusted-types 'none'", "form-action 'none'", "base-uri 'none'"]) {
    assert.ok(csp.split("; ").includes(rule), rule);
  }
  const digest = createHash("sha256").update(Buffer.from(manifest.key, "base64")).digest("hex").slice(0, 32);
  const id = [...digest].map((digit) => String.fromCharCode(97 + Number.parseInt(digit, 16))).join("");
  assert.equal(id, "mlkgfecoihfnfokacibcilhjmfleklof");
});

test("no private key, no source map, nothing hidden", () => {
  for (const name of files) {
    assert.doesNotMatch(name, /\.(pem|key|map|crx)$/);
    if (!name.endsWith(".png")) assert.doesNotMatch(read(name), /PRIVATE KEY/);
  }
});

test("only logical sides: right to left is a mirror", () => {
  const css = read("panel.css").replace(/text-align: (?:start|end)/g, "");
  assert.doesNotMatch(css, /(?:margin|padding|border)-(?:left|right)|(?:^|[\s;])(?:left|right):|text-align: (?:left|right)|float:/m);
});
