// Four languages with the same sentences, the same holes, and every plural form; settings and languages chosen safely.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { explain } from "../../../../extension/lib/problems.js";
import { languageOf, settingsOf, STRICTEST } from "../../../../extension/lib/settings.js";
import { STRINGS, wordsOf } from "../../../../extension/lib/words.js";

const EXTENSION = join(import.meta.dirname, "../../../../extension");
const FORBIDDEN = /proves no data left|guarantee|tamper-proof|unhackable|air-gapped|certified|compliant with|securely deleted|100 ?%/i;
const holes = (value) => [...new Set(JSON.stringify(value).match(/\{\w+\}/g) ?? [])].sort();
const sentences = (value) => (typeof value === "string" ? [value] : Object.values(value));

for (const [language, strings] of Object.entries(STRINGS)) {
  test(`${language} has every sentence, hole and plural form`, () => {
    assert.deepEqual(Object.keys(strings).sort(), Object.keys(STRINGS.en).sort());
    const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
    for (const [key, value] of Object.entries(strings)) {
      const english = STRINGS.en[key];
      assert.equal(typeof value, typeof english, key);
      assert.deepEqual(holes(value.other ?? value), holes(english.other ?? english), key);
      if (typeof value === "object") for (const form of forms) assert.ok(value[form], `${key} ${form}`);
      for (const sentence of sentences(value)) {
        assert.ok(sentence.trim(), key);
        assert.doesNotMatch(sentence, FORBIDDEN, key);
      }
    }
    assert.equal(strings.dir, language === "ar" ? "rtl" : "ltr");
    assert.ok(Object.isFrozen(strings));
  });

  test(`${language} explains every error and leaves no hole`, () => {
    const words = wordsOf(language);
    const state = { settings: settingsOf({ helpContact: "extension 4711" }) };
    for (let n = 1; n <= 10; n += 1) {
      const error = { id: `E${n}`, code: "a_code", seconds: 5, rule: "a-rule", sentence: "A sentence.", chars: 12, max: 10 };
      const said = explain(error, state, words);
      assert.ok(said.title && said.words, `E${n}`);
      assert.doesNotMatch(`${said.title} ${said.words} ${said.action} ${said.other}`, /[{}]/, `E${n}`);
      assert.ok(said.action || n === 2, `E${n} has a way out`);
      assert.doesNotMatch(said.title, /a_code/);
    }
  });
}

test("every sentence is used, and every one that is used exists", () => {
  const files = ["panel.js", "panel.html", ...readdirSync(join(EXTENSION, "lib")).map((name) => `lib/${name}`)];
  const source = files.map((name) => readFileSync(join(EXTENSION, name), "utf8")).join("\n");
  const byRule = /^(type_|guard_|E\d+_|ready\w+Full$|lang$|dir$|languageName$)/;
  const unused = Object.keys(STRINGS.en).filter((key) => !byRule.test(key) && !source.includes(`"${key}"`));
  assert.deepEqual(unused, []);
  for (const [, key] of source.matchAll(/(?:\.t\(|data-(?:words|title)=)"(\w+)"/g)) assert.ok(key in STRINGS.en, key);
});

test("files in other languages say that no clinician has reviewed them yet", () => {
  for (const name of ["si", "ta", "ar"]) {
    assert.match(readFileSync(join(EXTENSION, `strings/${name}.js`), "utf8").split("\n")[0], /reviewed by a clinician who speaks this language/);
  }
});

test("Arabic has six forms, and numbers are written as the language does", () => {
  const { t } = wordsOf("ar");
  const said = [1, 2, 3, 11, 100].map((n) => t("answerReady", { n }));
  assert.equal(new Set(said).size, 5);
  assert.match(wordsOf("en").t("textCount", { n: 12_345, max: 20_000 }), /12,345 of 20,000/);
});

test("the administrator's language wins, then the user's, then the browser's, then English", () => {
  assert.equal(languageOf("ta", "si", ["ar"]), "ta");
  assert.equal(languageOf("", "si", ["ar"]), "si");
  assert.equal(languageOf("", "", ["fr-FR", "ar-EG", "en"]), "ar");
  assert.equal(languageOf("", "xx", ["fr"]), "en");
});

test("a managed value of a wrong form counts as the strictest", () => {
  assert.equal(settingsOf({}).copyWithNames, "ask");
  assert.equal(settingsOf({ copyWithNames: "always" }).copyWithNames, "never");
  assert.equal(settingsOf({ rememberPairing: "yes" }).rememberPairing, false);
  assert.equal(settingsOf({ idleClearMinutes: 0 }).idleClearMinutes, 5);
  assert.equal(settingsOf({ maxChars: 5_000_000 }).maxChars, 200_000);
  assert.equal(settingsOf({ helpContact: "x".repeat(121) }).helpContact, "");
  assert.equal(STRICTEST.copyWithNames, "never");
  assert.equal(STRICTEST.known, false);
});

test("the schema for administrators and the panel know the same settings", () => {
  const schema = JSON.parse(readFileSync(join(EXTENSION, "managed_schema.json"), "utf8"));
  const known = Object.keys(STRICTEST).filter((name) => name !== "known" && name !== "managed");
  assert.deepEqual(Object.keys(schema.properties).sort(), known.sort());
});
