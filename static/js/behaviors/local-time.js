// <time data-behavior="local-time" data-style="time|clock|date|both">: in the reader's own clock.
const STYLES = {
  time: { hour: "2-digit", minute: "2-digit" },
  clock: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
  date: { day: "numeric", month: "short", year: "numeric" },
  both: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
};

export function connect(time) {
  const at = new Date(time.dateTime);
  if (Number.isNaN(at.getTime())) return;
  const style = { ...STYLES[time.dataset.style] };
  const isOld = Date.now() - at.getTime() > 86_400_000;
  if (time.dataset.style === "time" && isOld) Object.assign(style, STYLES.both);
  if (time.dataset.style === "both" && at.getFullYear() !== new Date().getFullYear()) style.year = "numeric";
  time.textContent = new Intl.DateTimeFormat(document.documentElement.lang, { ...style, hourCycle: style.hour && "h23" }).format(at);
  time.title = at.toLocaleString();
}
