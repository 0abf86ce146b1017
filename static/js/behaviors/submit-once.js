// <form data-behavior="submit-once">: one press is one order; the server checks it again.
const sent = new WeakSet();

export function connect(form) {
  form.addEventListener("submit", (event) => {
    if (sent.has(form)) {
      event.preventDefault();
      return;
    }
    sent.add(form);
    event.submitter?.setAttribute("aria-busy", "true");
  });
  // Coming back with the browser's own Back shows this page as it was left: let it send again.
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    sent.delete(form);
    form.querySelector("[aria-busy]")?.removeAttribute("aria-busy");
  });
}
