// <textarea data-behavior="autogrow">: as tall as its words, where CSS cannot do it by itself.
export function connect(field) {
  if (CSS.supports("field-sizing", "content")) return;
  const fit = () => {
    field.style.blockSize = "auto";
    field.style.blockSize = `${field.scrollHeight}px`;
  };
  field.addEventListener("input", fit);
  fit();
}
