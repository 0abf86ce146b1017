// <button data-behavior="copy" data-text="..." data-done="Copied" hidden>
import { announce } from "./announce.js";

export function connect(button) {
  if (!navigator.clipboard) return;
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.text);
    button.textContent = button.dataset.done;
    announce(button.dataset.done);
    setTimeout(() => {
      button.textContent = label;
    }, 2000);
  });
}
