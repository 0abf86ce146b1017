// <details data-behavior="choice">: its summary shows the chosen radio button; a click closes it.
export function connect(details) {
  let pointed = false;

  details.addEventListener("pointerdown", () => {
    pointed = true;
  });
  details.addEventListener("keydown", (event) => {
    pointed = false;
    if (event.key !== "Enter" || event.target.type !== "radio") return;
    event.preventDefault();
    close();
  });
  // Caught on the way down: htmx may consume the event below.
  details.addEventListener("change", (event) => {
    // Looked up each time: a new quote brings new ones.
    const shown = details.querySelector('summary [data-part="value"]');
    const shape = details.querySelector('summary [data-part="shape"]');
    if (shown) shown.textContent = event.target.dataset.label;
    const picture = event.target.closest("label").querySelector("svg");
    if (shape && picture) shape.replaceChildren(picture.cloneNode(true));
    // Not within the click itself: the radio button is still being pressed.
    if (pointed) setTimeout(close);
  }, { capture: true });

  function close() {
    details.open = false;
    details.querySelector("summary").focus();
  }
}
