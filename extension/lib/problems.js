// The ten error states in words: what happened, what was not done, what to do. Pure.

/** `{title, words, action, other, facts}` of an error in a language. */
export function explain(error, state, words) {
  if (error.id === "confirm") {
    return { title: words.t("confirmTitle"), words: words.t("confirmWords"), action: "", other: "", facts: [] };
  }
  const { id, code = "", seconds = 5 } = error;
  const values = {
    contact: state.settings.helpContact || words.t("contactDefault"),
    code, n: seconds, rule: error.rule ?? "", sentence: error.sentence ?? "", max: error.max ?? 0,
  };
  const said = {
    title: words.t(`${id}_title`), words: "", action: id === "E2" ? "" : words.t(`${id}_action`), other: "",
    facts: [[words.t("detailsCode"), code], [words.t("detailsRule"), error.rule]].filter(([, value]) => value),
  };
  return { ...said, words: words.t(`${id}_words`, values), ...(SPECIAL[id]?.(values, error, words, state) ?? {}) };
}

const SPECIAL = {
  E2: (_values, _error, words, state) => ({ other: state.settings.managed ? words.t("E2_other") : "" }),
  E3: (_values, _error, words) => ({ other: words.t("E3_other") }),
  E4: (_values, error, words) =>
    error.code === "host_permission"
      ? { words: words.t("E4_permission"), other: words.t("E4_other") }
      : { action: words.t("E4_other") },
  E5: (values, _error, words) => ({ words: words.t(values.sentence ? "E5_words" : "E5_plain", values) }),
  E6: (values, _error, words) => ({ words: words.t(values.rule ? "E6_words" : "E6_plain", values) }),
  E7: (values, error, words) =>
    error.code === "too_many_requests" ? {} : { title: words.t("E7_attempts"), words: words.t("E7_wait", values) },
  E8: (values, error, words) =>
    error.max ? { words: words.t("E8_words", { n: error.chars, max: error.max }) } : { words: words.t("E8_plain", values) },
};
