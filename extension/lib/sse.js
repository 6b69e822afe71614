// Server-sent events out of text, as the HTML standard reads them. Sans-io: `feed(text)`, `finish()`.
// Law: cutting the input differently changes nothing; an event without its empty line never arrived.
const END = /\r\n|\n|\r/;

export class EventStream {
  #rest = "";
  #event = "";
  #data = [];
  #began = false;

  /** Take more text; returns the events that are complete: `{event, data}`. */
  feed(text) {
    this.#rest += text;
    if (!this.#began && this.#rest) {
      this.#began = true;
      if (this.#rest.startsWith("\uFEFF")) this.#rest = this.#rest.slice(1);
    }
    return this.#take(false);
  }

  /** The text has ended; what is not complete is dropped. */
  finish() {
    return this.#take(true);
  }

  #take(last) {
    const events = [];
    for (;;) {
      const found = END.exec(this.#rest);
      // A lone CR at the cut may be half of CR LF: wait for what follows.
      if (!found || (!last && found[0] === "\r" && found.index === this.#rest.length - 1)) return events;
      const line = this.#rest.slice(0, found.index);
      this.#rest = this.#rest.slice(found.index + found[0].length);
      const event = this.#line(line);
      if (event) events.push(event);
    }
  }

  #line(line) {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) return null; // a comment, sent to keep a connection open
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") this.#event = value;
    if (name === "data") this.#data.push(value);
    return null;
  }

  #dispatch() {
    const event = this.#data.length ? { event: this.#event || "message", data: this.#data.join("\n") } : null;
    this.#event = "";
    this.#data = [];
    return event;
  }
}
