// A language in use: sentences with holes, plurals, numbers. Pure.
import ar from "../strings/ar.js";
import en from "../strings/en.js";
import si from "../strings/si.js";
import ta from "../strings/ta.js";

export const STRINGS = Object.freeze({ en, si, ta, ar });

/** `{lang, dir, t(key, values), list(items), clock(ms), day(ms)}` of a language; `region` tells how it writes a time. */
export function wordsOf(language, regions = []) {
  const strings = STRINGS[language] ?? en;
  const plural = new Intl.PluralRules(strings.lang);
  const digits = new Intl.NumberFormat(strings.lang);
  const lists = new Intl.ListFormat(strings.lang, { type: "unit", style: "short" });
  const region = regions.find((tag) => tag.toLowerCase().split("-")[0] === strings.lang) ?? strings.lang;
  const clock = new Intl.DateTimeFormat(region, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const day = new Intl.DateTimeFormat(region, { dateStyle: "medium", timeStyle: "short" });
  const fill = (sentence, values) =>
    sentence.replace(/\{(\w+)\}/g, (hole, name) => {
      const value = values[name];
      return value === undefined ? hole : typeof value === "number" ? digits.format(value) : String(value);
    });
  const t = (key, values = {}) => {
    const found = strings[key] ?? en[key] ?? key;
    return fill(typeof found === "string" ? found : found[plural.select(values.n)] ?? found.other, values);
  };
  return Object.freeze({
    lang: strings.lang,
    dir: strings.dir,
    t,
    has: (key) => key in en,
    list: (items) => lists.format(items),
    clock: (ms) => clock.format(new Date(ms)),
    day: (ms) => day.format(new Date(ms)),
  });
}
