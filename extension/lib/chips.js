// Parts of a preview or an answer as nodes: text, and chips for what was replaced.
import { iconOf } from "./icons.js";

/** A chip: label, border and drawing. `form` says which side it shows: `placeholder` or `original`. */
export function chipOf(part, form, words) {
  const chip = document.createElement("button");
  chip.type = "button";
  chip.className = form === "placeholder" ? "chip" : "chip back";
  chip.dataset.type = part.type;
  chip.dataset.placeholder = part.placeholder;
  chip.dataset.original = part.original;
  chip.dataset.form = form;
  const label = document.createElement("bdi");
  label.textContent = part[form];
  chip.append(iconOf(part.type), label);
  chip.title = words.t(form === "placeholder" ? "chipShow" : "chipBack", part);
  return chip;
}

/** Show the other side of a chip; returns the function that turns it back. */
export function turn(chip) {
  const label = chip.querySelector("bdi");
  const other = chip.dataset.form === "placeholder" ? "original" : "placeholder";
  label.textContent = chip.dataset[other];
  chip.classList.add("turned");
  return () => {
    label.textContent = chip.dataset[chip.dataset.form];
    chip.classList.remove("turned");
  };
}

/** Replace the content of a node by parts. */
export function drawParts(node, parts, form, words) {
  node.replaceChildren(...parts.map((part) => nodeOf(part, form, words)));
}

/** Make a node, which shows `before`, show `parts`; what only grew is only appended. Returns how many are drawn. */
export function growParts(node, parts, before, drawn, words) {
  const grew = before !== null && drawn > 0 && parts.length >= drawn && node.childNodes.length === drawn;
  if (!grew) {
    drawParts(node, parts, "original", words);
    return parts.length;
  }
  const last = parts[drawn - 1];
  if (last.placeholder === undefined && node.lastChild.data !== last.text) {
    const text = node.lastChild;
    if (last.text.startsWith(text.data)) text.appendData(last.text.slice(text.length));
    else text.data = last.text;
  }
  node.append(...parts.slice(drawn).map((part) => nodeOf(part, "original", words)));
  return parts.length;
}

function nodeOf(part, form, words) {
  return part.placeholder === undefined ? document.createTextNode(part.text) : chipOf(part, form, words);
}
