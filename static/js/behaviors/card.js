// <article data-behavior="card" data-live data-word data-percent>: wipes its frames, says its news.
import { announce } from "./announce.js";

const seen = new Map();

function wipe(card, from, to) {
  const move = (percent) => `translateX(${percent - 100}%)`;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  for (const light of card.querySelectorAll(".wipe")) {
    light.style.transform = move(to);
    if (calm || from === to) continue;
    light.animate(
      { transform: [move(from), move(to)] },
      { duration: 200, easing: "cubic-bezier(0.2, 0.7, 0.3, 1)" },
    );
  }
}

export function connect(card) {
  const { live, word, prompt } = card.dataset;
  const percent = Number(card.dataset.percent ?? 0);
  const before = seen.get(live);
  seen.set(live, { word, percent });
  if (card.querySelector(".wipe")) {
    card.dataset.wiped = "";
    wipe(card, Math.min(before?.percent ?? 0, percent), percent);
  }
  if (before && before.word !== word) announce(`${word}. ${prompt}`);
}
