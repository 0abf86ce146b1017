// <body data-behavior="keys">: keys without Ctrl, off while someone types and when switched off.
import { areKeysOn } from "./key-switch.js";

const TYPING = "input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]";

function go(key) {
  const link = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  link?.click();
  return Boolean(link);
}

function write() {
  const prompt = document.querySelector("#bar-prompt");
  prompt?.focus();
  prompt?.setSelectionRange(prompt.value.length, prompt.value.length);
  return Boolean(prompt);
}

function openImage(number, from) {
  const sheet = from.closest("[data-live]") ?? document.querySelector("#generation");
  const link = sheet?.querySelector(`.tile-link[data-number="${number}"]`);
  link?.click();
  return Boolean(link);
}

function act(key, from) {
  if (key === "n") return write();
  if (key === "?") return Boolean(document.querySelector("dialog#keys")?.showModal() ?? true);
  if (/^[1-4]$/.test(key)) return openImage(Number(key), from);
  return go(key);
}

export function connect(body) {
  body.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.isComposing || event.target.matches(TYPING)) return;
    if (document.querySelector("dialog[open], details[open]:has(:focus)")) return;
    if (event.target.type === "radio" || !areKeysOn()) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (act(key, event.target)) event.preventDefault();
  });
}
