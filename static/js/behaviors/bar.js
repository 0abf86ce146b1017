// <form data-behavior="bar">: Ctrl+Enter sends; a new price is awaited before the form goes; the
// field hears with each quote whether something is wrong with it.
const PATIENCE_MS = 3000;

export function connect(form) {
  let quoteIsDue = false;
  let heldBack = false;

  const settle = () => {
    quoteIsDue = false;
    if (!heldBack) return;
    heldBack = false;
    form.requestSubmit();
  };

  form.addEventListener("change", (event) => {
    if (event.target.type === "radio") quoteIsDue = true;
  }, { capture: true });
  form.addEventListener("htmx:afterRequest", settle);
  form.addEventListener("htmx:afterSettle", () => {
    const isBad = Boolean(form.querySelector('.bar-error[data-field="prompt"]'));
    form.querySelector(".bar-prompt").setAttribute("aria-invalid", isBad);
  });

  form.addEventListener("submit", (event) => {
    if (!quoteIsDue || !window.htmx) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    heldBack = true;
    setTimeout(settle, PATIENCE_MS);
  }, { capture: true });

  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
}
