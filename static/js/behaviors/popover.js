// <details data-behavior="popover">: closes on Escape, on a click elsewhere, and when another opens.
export function connect(details) {
  const outside = (event) => {
    if (!details.contains(event.target)) details.open = false;
  };
  details.addEventListener("toggle", () => {
    const method = details.open ? "addEventListener" : "removeEventListener";
    document[method]("pointerdown", outside);
    document[method]("focusin", outside);
  });
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !details.open) return;
    event.stopPropagation();
    details.open = false;
    details.querySelector("summary").focus();
  });
}
