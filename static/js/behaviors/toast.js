// <li data-behavior="toast" data-tone>: can be closed; leaves by itself unless it is about trouble.
const STAY_MS = 7000;

export function connect(toast) {
  const close = toast.querySelector("button");
  close.hidden = false;
  close.addEventListener("click", () => toast.remove());
  if (/error|warning/.test(toast.dataset.tone)) return;

  let timer;
  const leave = () => {
    toast.dataset.leaving = "";
    setTimeout(() => toast.remove(), 250);
  };
  const wait = () => {
    timer = setTimeout(leave, STAY_MS);
  };
  const stay = () => clearTimeout(timer);
  toast.addEventListener("pointerenter", stay);
  toast.addEventListener("pointerleave", wait);
  toast.addEventListener("focusin", stay);
  wait();
}
