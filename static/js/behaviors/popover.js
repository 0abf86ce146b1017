// <details data-behavior="popover">: closes on Escape, on a click elsewhere, and when focus leaves.
export function connect(details) {
  const outside = ({ type, target }) => {
    // A press on words inside moves the focus to what surrounds both, which is not leaving.
    if (details.contains(target) || (type === "focusin" && target.contains(details))) return;
    details.open = false;
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
