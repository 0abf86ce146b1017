// Where news comes from: the event stream, and questions every few seconds where that fails.
const TRIES = 3;
const POLL_MS = 3000;
const POLLS_BEFORE_ANOTHER_TRY = 40;
const QUIET_MS = 60_000;
const SOUND_MS = 10_000;

export function listen({ stream, changes, tell }) {
  let source;
  let timer;
  let failures = 0;
  let opened = 0;
  let startedAt = 0;
  let isOver = false;

  const later = (step, milliseconds) => {
    clearTimeout(timer);
    if (!isOver) timer = setTimeout(step, milliseconds);
  };
  const close = () => {
    clearTimeout(timer);
    source?.close();
    source = undefined;
  };
  const alive = () => later(failed, QUIET_MS);

  function open() {
    if (!window.EventSource) return poll("", 0);
    close();
    startedAt = Date.now();
    source = new EventSource(stream);
    source.addEventListener("open", () => {
      opened += 1;
      alive();
      // Whatever happened before the stream was open was not heard.
      tell({ generations: [], wallet: opened > 1, resync: true });
    });
    source.addEventListener("ping", alive);
    source.addEventListener("changed", (event) => {
      alive();
      tell(JSON.parse(event.data));
    });
    source.addEventListener("error", failed);
  }

  function failed() {
    // A stream that lived a while is sound; one that breaks at once is as bad as none.
    failures = Date.now() - startedAt > SOUND_MS ? 1 : failures + 1;
    close();
    if (failures < TRIES) return later(open, 1000 * failures);
    tell({ generations: [], wallet: true, resync: true });
    return poll("", 0);
  }

  async function poll(since, count) {
    const answer = await ask(since);
    if (isOver || answer === "logged out") return;
    if (answer?.wallet || answer?.generations.length) tell(answer);
    if (window.EventSource && count >= POLLS_BEFORE_ANOTHER_TRY) {
      failures = TRIES - 1;
      open();
      return;
    }
    later(() => poll(answer?.since ?? since, count + 1), POLL_MS);
  }

  async function ask(since) {
    try {
      const response = await fetch(`${changes}?since=${encodeURIComponent(since)}`);
      if (response.redirected || response.status === 401) return "logged out";
      return response.ok ? await response.json() : undefined;
    } catch {
      return undefined;
    }
  }

  open();
  return () => {
    isOver = true;
    close();
  };
}
