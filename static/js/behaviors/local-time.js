// <time data-behavior="local-time" data-style="time|clock|date|both">: in the reader's own clock.
const STYLES = {
  time: { hour: "2-digit", minute: "2-digit" },
  clock: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
  date: { day: "numeric", month: "short", year: "numeric" },
  both: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
};

// The page speaks English; which English is the reader's.
const LOCALE = navigator.languages.find((language) => language.startsWith("en-")) ?? "en-GB";

export function connect(time) {
  const at = new Date(time.dateTime);
  if (Number.isNaN(at.getTime())) return;
  const style = { ...STYLES[time.dataset.style] };
  const isOld = Date.now() - at.getTime() > 86_400_000;
  if (time.dataset.style === "time" && isOld) Object.assign(style, STYLES.both);
  if (time.dataset.style === "both" && at.getFullYear() !== new Date().getFullYear()) style.year = "numeric";
  if (style.hour) style.hourCycle = "h23";
  time.textContent = new Intl.DateTimeFormat(LOCALE, style).format(at);
  time.title = at.toLocaleString();
}
