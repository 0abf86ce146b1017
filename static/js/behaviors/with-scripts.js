// <x data-behavior="with-scripts" hidden>: shown only where scripts run.
export function connect(element) {
  element.hidden = false;
}
