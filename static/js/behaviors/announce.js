// Says a sentence to screen readers.
export function announce(sentence) {
  const place = document.querySelector("#announcer");
  if (place) place.textContent = sentence;
}
