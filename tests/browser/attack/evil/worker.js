// Forges and removes headers of its own requests, and listens to everybody's.
const heard = [];
chrome.webRequest.onBeforeSendHeaders.addListener(
  (details) => heard.push({ url: details.url, initiator: details.initiator ?? "", headers: details.requestHeaders }),
  { urls: ["<all_urls>"] },
  ["requestHeaders", "extraHeaders"],
);

async function forge(headers) {
  const rule = {
    id: 1, action: { type: "modifyHeaders", requestHeaders: headers }, condition: { urlFilter: "|http*", resourceTypes: ["xmlhttprequest", "other"] },
  };
  await chrome.declarativeNetRequest.updateDynamicRules({ removeRuleIds: [1], addRules: headers.length ? [rule] : [] });
}

async function send(url, body, headers = {}) {
  try {
    const reply = await fetch(url, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json", ...headers } });
    const text = await reply.text();
    return { status: reply.status, code: JSON.parse(text).error?.code ?? "", text };
  } catch (error) {
    return { status: 0, code: String(error), text: "" };
  }
}

Object.assign(globalThis, { heard, forge, send });
