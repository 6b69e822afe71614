// What the panel does with text by itself: invisible characters, counts, the forms of an answer. Pure.

// Characters that show nothing but change what is read: direction overrides, zero-width space, word joiner, byte order
// mark, soft hyphen, tags. Never U+200C and U+200D: Sinhala, Tamil and Arabic-script text cannot be written without them.
const HIDDEN = /[\u202A-\u202E\u2066-\u2069\u200B\u2060\uFEFF\u00AD\u{E0000}-\u{E007F}]/gu;
const SHOWN_BEFORE = 18;

/** `{text, removed: [{code, before}]}`: the text without hidden characters, and where they stood. */
export function clean(text) {
  const removed = [];
  const kept = text.replace(HIDDEN, (char, index) => {
    const code = `U+${char.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
    const before = text.slice(Math.max(0, index - SHOWN_BEFORE), index).replace(HIDDEN, "").replace(/\s+/g, " ");
    removed.push({ code, before });
    return "";
  });
  return { text: kept, removed };
}

/** How many characters, as the service counts them: code points. */
export function length(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** The first question and its text as one message. */
export function firstMessage(question, text) {
  return [question.trim(), text.trim()].filter(Boolean).join("\n\n");
}

/** The text of parts with placeholders, the form that is copied by default. */
export function withPlaceholders(parts) {
  return parts.map((part) => part.placeholder ?? part.text).join("");
}

/** The text of parts with the originals. */
export function withNames(parts) {
  return parts.map((part) => (part.placeholder === undefined ? part.text : part.original)).join("");
}

/** Append parts; neighbouring texts become one, so that an answer cut differently is the same answer. */
export function joined(parts, more) {
  const all = [...parts];
  for (const part of more) {
    const last = all.at(-1);
    if (part.placeholder === undefined && last && last.placeholder === undefined) {
      all[all.length - 1] = { text: last.text + part.text };
    } else if (part.placeholder !== undefined || part.text) {
      all.push(part);
    }
  }
  return all;
}

/** Words of a text, in any script. */
export function words(text) {
  const found = new Intl.Segmenter(undefined, { granularity: "word" }).segment(text);
  return [...found].filter((piece) => piece.isWordLike).length;
}

/** Type -> how many different placeholders of it stand in the messages, the most frequent first. */
export function tally(messages) {
  const seen = new Map();
  for (const message of messages) {
    for (const part of message.parts) {
      if (part.placeholder !== undefined) seen.set(part.placeholder, part.type);
    }
  }
  const counts = new Map();
  for (const type of seen.values()) counts.set(type, (counts.get(type) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}
