// <input type="checkbox" data-behavior="key-switch">: whether keys without Ctrl are listened to.
const NAME = "imagestudio.keys";

export function areKeysOn() {
  try {
    return localStorage.getItem(NAME) !== "off";
  } catch {
    return true;
  }
}

export function connect(box) {
  box.checked = areKeysOn();
  box.addEventListener("change", () => {
    try {
      localStorage.setItem(NAME, box.checked ? "on" : "off");
    } catch {
      // A browser that keeps nothing: the keys stay as they are.
    }
  });
}
