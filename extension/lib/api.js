// The conversation with the service. The only file with `fetch`.
// Law: a token or a word of text travels only within 10 seconds after the service proved that it knows the token; a
// reply that comes before a proof is not trusted, so its sentences are not shown.
import { BASE, HOST } from "./address.js";
import { isProven, kidOf, proofKeyOf, toBase64Url } from "./proof.js";
import { EventStream } from "./sse.js";

const PROOF_MS = 10_000;
const HELLO_MS = 5_000;
const WORK_MS = 90_000;
const CREDENTIAL = "credential";

/** Why something could not be done: an error state of the panel and its facts. Holds no text of a patient. */
export class Failure extends Error {
  constructor(id, facts = {}) {
    super(id);
    this.id = id;
    this.facts = facts;
  }
}

const STOPPED = Object.freeze({ kind: "stopped" });
const TOO_LONG = new Set(["context_length_exceeded", "text_too_long", "guard_text_too_long", "body_too_large"]);
const BY_POLICY = new Set([
  "prompt_refused", "response_refused", "pii_refused", "language_not_covered", "identifier_in_structure",
]);

/** The error state of a reply. `proven` says whether its words may be shown. */
export function failureOf(status, error, retryAfter, proven) {
  const facts = { code: error.code ?? `http_${status}`, status };
  if (proven) Object.assign(facts, { sentence: error.message ?? error.sentence ?? "", rule: error.rule ?? "" });
  const seconds = Number.parseInt(retryAfter ?? "", 10);
  if (status === 429 || status === 503) facts.seconds = Number.isInteger(seconds) ? Math.min(Math.max(seconds, 1), 60) : 5;
  if (status === 401) return new Failure("E2", facts);
  if (status === 429) return new Failure("E7", facts);
  if (status === 413 || TOO_LONG.has(facts.code)) return new Failure("E8", facts);
  if (BY_POLICY.has(facts.code)) return new Failure("E6", facts);
  if (status >= 500) return new Failure("E5", facts);
  return new Failure("E4", facts);
}

/** One service, one credential. */
export class Service {
  #token = null;
  #key = null;
  #provedAt = -Infinity;

  constructor({ fetch, storage, permitted, now, random, origin }) {
    Object.assign(this, { fetch, storage, permitted, now, random, origin });
    this.kid = "";
    this.expires = 0;
    this.remembered = false;
  }

  get paired() {
    return this.#token !== null;
  }

  /** Read a kept credential. */
  async load() {
    for (const [area, remembered] of [[this.storage.session, false], [this.storage.local, true]]) {
      const { [CREDENTIAL]: kept } = await area.get(CREDENTIAL);
      if (kept) return this.#take(kept, remembered);
    }
    return false;
  }

  async #take({ token, expires }, remembered) {
    this.kid = await kidOf(token);
    this.#key = await proofKeyOf(token);
    this.#token = token;
    Object.assign(this, { expires, remembered });
    return true;
  }

  /** Forget the credential everywhere. */
  async forget() {
    this.#token = this.#key = null;
    this.#provedAt = -Infinity;
    Object.assign(this, { kid: "", expires: 0, remembered: false });
    await Promise.all([this.storage.session.remove(CREDENTIAL), this.storage.local.remove(CREDENTIAL)]);
  }

  /** Exchange the digits for a token. Not proven yet: nobody has a secret to prove with. */
  async pair(code, remember) {
    const reply = await this.#post("pair", { code, remember }, { ms: HELLO_MS });
    if (!reply.ok) throw failureOf(reply.status, await problem(reply), reply.headers.get("Retry-After"), false);
    await this.adopt(await object(reply), remember);
  }

  /** Take a token; `keep` stores it. */
  async adopt({ token, expires }, remember) {
    if (typeof token !== "string" || !/^cordon_[A-Za-z0-9_-]{43}$/.test(token)) throw new Failure("E3");
    await this.#take({ token, expires: Number(expires) || 0 }, remember);
  }

  /** Keep the credential after the user said that the window shows the same. */
  async keep() {
    const kept = { [CREDENTIAL]: { token: this.#token, expires: this.expires } };
    if (!this.remembered) return this.storage.session.set(kept);
    await this.storage.local.setAccessLevel?.({ accessLevel: "TRUSTED_CONTEXTS" });
    return this.storage.local.set(kept);
  }

  /** Let the service prove itself; returns when it did. Throws Failure E1, E2, E3, E4, E5 or E7. */
  async prove() {
    if (this.#token === null) throw new Failure("E2", { code: "token_missing" });
    const key = this.#key;
    this.#provedAt = -Infinity;
    const nonce = this.random(32);
    const reply = await this.#post("hello", { nonce: toBase64Url(nonce), kid: this.kid }, { ms: HELLO_MS });
    if ([403, 429, 503].includes(reply.status)) {
      throw failureOf(reply.status, await problem(reply), reply.headers.get("Retry-After"), false);
    }
    const { proof, state } = reply.ok ? await object(reply) : {};
    const said = { nonce, host: HOST, origin: this.origin, state: String(state) };
    if (!(await isProven(key, proof, said))) throw new Failure("E3", { code: "proof_wrong" });
    if (state !== "ok") {
      await this.forget();
      throw new Failure("E2", { code: `token_${state}` });
    }
    this.#provedAt = this.now();
  }

  /** Facts about the service. */
  async status() {
    return object(await this.#proven("status", {}));
  }

  /** What a model would see. */
  async preview(body, signal) {
    return object(await this.#proven("preview", body, signal));
  }

  /** End this pairing at the service, then here. */
  async unpair() {
    try {
      await this.#proven("unpair", {});
    } finally {
      await this.forget();
    }
  }

  /**
   * Ask. `tell(parts)` gets each released segment. Returns `{kind: "done" | "refused" | "changed" | "stopped", ...}`;
   * throws Failure; E10 if the stream ends without its last event.
   */
  async ask(body, { signal, tell }) {
    try {
      const reply = await this.#proven("ask", body, signal, [409]);
      if (reply.status === 409) {
        const changed = await object(reply);
        return { kind: "changed", preview: changed.preview ?? changed.error?.preview ?? null };
      }
      return await this.#read(reply.body, tell);
    } catch (error) {
      if (signal.aborted) return STOPPED;
      throw error;
    }
  }

  async #read(body, tell) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    const stream = new EventStream();
    let failure = new Failure("E10", { code: "stream_cut" });
    try {
      for (;;) {
        const { value, done } = await reader.read();
        for (const { event, data } of done ? stream.finish() : stream.feed(value)) {
          const said = JSON.parse(data);
          if (event === "answer") tell(said.parts);
          if (event === "done") return { kind: "done", ...said };
          if (event === "refused") return { kind: "refused", ...said };
          if (event === "error") throw (failure = new Failure("E10", { code: said.code, sentence: said.sentence }));
        }
        if (done) throw failure;
      }
    } catch {
      throw failure; // also a connection that broke, and a line that is no JSON
    } finally {
      reader.cancel().catch(() => {});
    }
  }

  /** A request with the token, behind a fresh proof. */
  async #proven(name, body, signal, alsoFine = []) {
    if (this.now() - this.#provedAt >= PROOF_MS) await this.prove();
    if (this.now() - this.#provedAt >= PROOF_MS) throw new Failure("E3", { code: "proof_old" });
    const token = this.#token;
    const reply = await this.#post(name, body, { signal, token, ms: name === "ask" ? 0 : WORK_MS });
    if (reply.ok || alsoFine.includes(reply.status)) return reply;
    this.#provedAt = -Infinity; // after any failed request the service proves itself again
    const failure = failureOf(reply.status, await problem(reply), reply.headers.get("Retry-After"), true);
    if (failure.id === "E2") await this.forget();
    throw failure;
  }

  async #post(name, body, { signal, token, ms = 0 }) {
    const headers = { "Content-Type": "application/json" };
    if (token) headers.Authorization = `Bearer ${token}`;
    const signals = [signal, ms ? AbortSignal.timeout(ms) : null].filter(Boolean);
    try {
      return await this.fetch(`${BASE}/cordon/v1/${name}`, {
        method: "POST", headers, body: JSON.stringify(body), cache: "no-store", credentials: "omit", redirect: "error",
        referrerPolicy: "no-referrer", signal: signals.length ? AbortSignal.any(signals) : undefined,
      });
    } catch (error) {
      this.#provedAt = -Infinity;
      if (signal?.aborted) throw error;
      if (!(await this.permitted())) throw new Failure("E4", { code: "host_permission" });
      throw new Failure("E1", { code: "connection_failed" });
    }
  }
}

async function object(reply) {
  try {
    const value = await reply.json();
    return value !== null && typeof value === "object" ? value : {};
  } catch {
    return {};
  }
}

async function problem(reply) {
  const { error } = await object(reply);
  return error !== null && typeof error === "object" ? error : {};
}
