// Managed settings and the language. Law: until the browser has told what the administrator set, the strictest values
// hold; the panel never waits for them.
export const LANGUAGES = Object.freeze(["en", "si", "ta", "ar"]);

export const STRICTEST = Object.freeze({
  known: false, managed: false, organisation: "", helpContact: "", uiLanguage: "", maxChars: 200_000,
  copyWithNames: "never", rememberPairing: false, idleClearMinutes: 5,
});
const UNMANAGED = Object.freeze({ ...STRICTEST, known: true, copyWithNames: "ask", rememberPairing: true });

const text = (limit) => (value) => typeof value === "string" && [...value].length <= limit;
const whole = (low, high) => (value) => Number.isInteger(value) && value >= low && value <= high;
const oneOf = (...values) => (value) => values.includes(value);
const CHECKS = Object.freeze({
  organisation: text(60), helpContact: text(120), uiLanguage: oneOf(...LANGUAGES), maxChars: whole(100, 200_000),
  copyWithNames: oneOf("ask", "never"), rememberPairing: (value) => typeof value === "boolean",
  idleClearMinutes: whole(1, 60),
});

/** Settings out of what managed storage holds. A value of the wrong form counts as the strictest, not as unset. */
export function settingsOf(managed) {
  const settings = { ...UNMANAGED, managed: Object.keys(managed).length > 0 };
  for (const [name, check] of Object.entries(CHECKS)) {
    if (managed[name] === undefined) continue;
    settings[name] = check(managed[name]) ? managed[name] : STRICTEST[name];
  }
  return Object.freeze(settings);
}

/** The language to show: the administrator's, the user's, the browser's first that exists, English. */
export function languageOf(managed, chosen, preferred) {
  const wanted = [managed, chosen, ...preferred.map((tag) => tag.toLowerCase().split("-")[0])];
  return wanted.find((name) => LANGUAGES.includes(name)) ?? "en";
}

/** Call `tell(settings)` with what is known, now and at each change. */
export function watchManaged(storage, tell) {
  const read = async () => {
    try {
      tell(settingsOf((await storage.managed.get()) ?? {}));
    } catch {
      tell(settingsOf({})); // Firefox rejects when no policy speaks of this extension
    }
  };
  storage.onChanged.addListener((_changes, area) => area === "managed" && read());
  return read();
}
