// <button data-behavior="dialog" data-dialog="id" hidden>: opens <dialog id>.
export function connect(button) {
  const dialog = document.getElementById(button.dataset.dialog);
  if (!dialog) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    button.closest("details")?.removeAttribute("open");
    dialog.showModal();
  });
}
