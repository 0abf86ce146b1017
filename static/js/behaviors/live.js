// <body data-behavior="live" data-stream data-changes>: news reaches every [data-live] element.
// HTTP/1.1 gives a site six connections, so one visible tab holds the stream and tells the others.
import { listen } from "./live-source.js";

const NAME = "imagestudio.live";

function hear({ generations, wallet, resync }) {
  const changed = new Set(generations);
  for (const element of document.querySelectorAll("[data-live]")) {
    const { live, open } = element.dataset;
    const isMeant = live === "wallet" ? wallet : changed.has(live) || (resync && open !== undefined);
    if (isMeant) element.dispatchEvent(new CustomEvent("live"));
  }
}

// Starts when this tab gets the lock; the function returned gives it up.
function lead(start) {
  let stop;
  if (!navigator.locks) {
    stop = start();
    return () => stop();
  }
  let release;
  const waiting = new AbortController();
  const held = () => {
    stop = start();
    return new Promise((resolve) => {
      release = resolve;
    });
  };
  navigator.locks.request(NAME, { signal: waiting.signal }, held).catch(() => {});
  return () => {
    if (!release) return waiting.abort();
    stop();
    return release();
  };
}

export function connect(body) {
  const { stream, changes } = body.dataset;
  const channel = window.BroadcastChannel && new BroadcastChannel(NAME);
  const tell = (news) => {
    hear(news);
    channel?.postMessage(news);
  };
  let leave;

  const join = (isBack) => {
    if (leave) return;
    leave = lead(() => listen({ stream, changes, tell }));
    hear({ generations: [], wallet: isBack, resync: true });
  };
  const part = () => {
    leave?.();
    leave = undefined;
  };

  channel?.addEventListener("message", (event) => hear(event.data));
  document.addEventListener("visibilitychange", () => (document.hidden ? part() : join(true)));
  addEventListener("pagehide", part);
  addEventListener("pageshow", (event) => event.persisted && join(true));
  if (!document.hidden) join(false);
}
