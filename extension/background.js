// Menu, shortcut and hand-over. Law: no fetch, no secret, no state; what was selected goes to the panel of the same
// window through session storage, once. Firefox calls the panel a sidebar and names its interface `browser`.
const api = globalThis.browser ?? globalThis.chrome;
const MENU = "ask-selection";
const MAX_PENDING = 2_000_000; // below the 10 MB of session storage; the panel says that a text is too long

api.runtime.onInstalled.addListener(() => {
  api.contextMenus.removeAll(() => {
    // No %s in the title: the browser would write the selected text into its own menu.
    api.contextMenus.create({ id: MENU, title: api.i18n.getMessage("menu"), contexts: ["selection"] });
  });
});
api.sidePanel?.setPanelBehavior({ openPanelOnActionClick: true });
if (!api.sidePanel) api.action.onClicked.addListener(() => api.sidebarAction.open());

function open(windowId) {
  // First, and not awaited: a panel may only be opened while the browser still counts this as the user's gesture.
  (api.sidePanel ? api.sidePanel.open({ windowId }) : api.sidebarAction.open()).catch(() => {});
}

async function read(target) {
  // `selectionText` of the event flattens lines and tables, so the frame itself is asked.
  try {
    const results = await api.scripting.executeScript({ target, func: () => getSelection()?.toString() ?? "" });
    return results.map((result) => result.result ?? "").find((text) => text.trim()) ?? "";
  } catch {
    return ""; // a PDF, a page of the browser, a frame of another origin
  }
}

async function hand(windowId, text) {
  const shown = text.trim() ? { text: text.slice(0, MAX_PENDING) } : { reason: "nothing" };
  await api.storage.session.set({ pending: { windowId, at: Date.now(), ...shown } });
}

api.contextMenus.onClicked.addListener(async (info, tab) => {
  if (info.menuItemId !== MENU || !tab) return;
  open(tab.windowId);
  const text = await read({ tabId: tab.id, frameIds: [info.frameId ?? 0] });
  await hand(tab.windowId, text || (info.selectionText ?? ""));
});

api.commands.onCommand.addListener(async (command, tab) => {
  if (command !== "ask-selection" || !tab) return;
  open(tab.windowId);
  await hand(tab.windowId, await read({ tabId: tab.id, allFrames: true }));
});
