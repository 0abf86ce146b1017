// <details data-behavior="choice">: its summary shows the chosen radio button; a click closes it.
export function connect(details) {
  const shown = details.querySelector('summary [data-part="value"]');
  const shape = details.querySelector('summary [data-part="shape"]');
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
  details.addEventListener("change", (event) => {
    if (shown) shown.textContent = event.target.dataset.label;
    const picture = event.target.closest("label").querySelector("svg");
    if (shape && picture) shape.replaceChildren(picture.cloneNode(true));
    if (pointed) close();
  });

  function close() {
    details.open = false;
    details.querySelector("summary").focus();
  }
}
