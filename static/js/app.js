// Binds behaviors: <x data-behavior="copy keys"> gets connect(x) of each, once, also after a swap.
import * as autogrow from "./behaviors/autogrow.js";
import * as bar from "./behaviors/bar.js";
import * as card from "./behaviors/card.js";
import * as choice from "./behaviors/choice.js";
import * as copy from "./behaviors/copy.js";
import * as dialog from "./behaviors/dialog.js";
import * as guard from "./behaviors/guard.js";
import * as keySwitch from "./behaviors/key-switch.js";
import * as keys from "./behaviors/keys.js";
import * as live from "./behaviors/live.js";
import * as localTime from "./behaviors/local-time.js";
import * as popover from "./behaviors/popover.js";
import * as submitOnce from "./behaviors/submit-once.js";
import * as toast from "./behaviors/toast.js";
import * as withScripts from "./behaviors/with-scripts.js";

const behaviors = {
  autogrow,
  bar,
  card,
  choice,
  copy,
  dialog,
  guard,
  "key-switch": keySwitch,
  keys,
  live,
  "local-time": localTime,
  popover,
  "submit-once": submitOnce,
  toast,
  "with-scripts": withScripts,
};
const connected = new WeakMap();

function connect(element) {
  const names = connected.get(element) ?? new Set();
  connected.set(element, names);
  for (const name of element.dataset.behavior.split(/\s+/)) {
    if (names.has(name)) continue;
    names.add(name);
    behaviors[name]?.connect(element);
  }
}

function bind(root) {
  if (root.matches?.("[data-behavior]")) connect(root);
  root.querySelectorAll("[data-behavior]").forEach(connect);
}

bind(document);
document.addEventListener("htmx:load", (event) => bind(event.detail.elt));
