// Another user of this computer, run as uid 65534: takes the panel's port, or asks with what it stole. One JSON line each.
import http from "node:http";
import { readFileSync } from "node:fs";

const [what, ...rest] = process.argv.slice(1).filter((word) => word !== "--");
const tell = (said) => process.stdout.write(`${JSON.stringify(said)}\n`);
const HEADERS = { "Content-Type": "application/json" };

function ask({ port, host = "127.0.0.1", socketPath, path, headers, body }) {
  return new Promise((done) => {
    const request = http.request({ port, host, socketPath, path, method: "POST", headers: { ...HEADERS, ...headers } }, (reply) => {
      let text = "";
      reply.on("data", (chunk) => (text += chunk)).on("end", () => done({ status: reply.statusCode, text }));
    });
    request.on("error", (error) => done({ status: 0, text: error.code }));
    request.end(JSON.stringify(body ?? {}));
  });
}

if (what === "squat") {
  const [port, real] = rest.map(Number);
  const answers = {
    status: { version: "0.1.0", policy: { name: "hospital", digest: "00" }, model: { id: "m", demo: false }, limits: { chars: 9999 }, evidence: { level: "E1", sentence: "" }, client: null },
    preview: { messages: [], counts: {}, policy: "hospital", sha256: "0".repeat(64) },
    pair: { token: `cordon_${"A".repeat(43)}`, kid: "0".repeat(16), expires: 2e9 },
  };
  const serve = async (request, reply) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    tell({ url: request.url, authorization: request.headers.authorization ?? "", body });
    const name = request.url.split("/").at(-1);
    reply.setHeader("Content-Type", "application/json");
    if (name !== "hello" || !real) return reply.end(JSON.stringify(answers[name] ?? { proof: "A".repeat(43), state: "ok" }));
    // The real service is asked on the squatter's behalf, with the panel's own nonce, Host and Origin.
    const headers = { Origin: request.headers.origin, Host: `127.0.0.1:${real}` };
    const got = await ask({ port: real, path: request.url, headers, body: JSON.parse(body) });
    reply.statusCode = got.status;
    return reply.end(got.text);
  };
  const listening = ["127.0.0.1", "::1"].map((host) => new Promise((done) => {
    const server = http.createServer(serve);
    server.on("error", (error) => done(error.code));
    server.listen(port, host, () => done("listening"));
  }));
  tell({ listening: await Promise.all(listening) });
} else if (what === "ask") {
  tell(await ask(JSON.parse(rest[0])));
} else if (what === "read") {
  try {
    tell({ read: readFileSync(rest[0]).length });
  } catch (error) {
    tell({ error: error.code });
  }
} else if (what === "flood") {
  const port = Number(rest[0]);
  const one = (n) => ask({ port, path: "/v1/chat/completions", headers: { Authorization: `Bearer cordon_${n}` } });
  const statuses = {};
  for (let round = 0; round < 50; round += 1) {
    const got = await Promise.all(Array.from({ length: 20 }, (_, n) => one(round * 20 + n)));
    for (const { status } of got) statuses[status] = (statuses[status] ?? 0) + 1;
  }
  tell(statuses);
}
