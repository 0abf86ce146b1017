// <body data-behavior="guard">: a fragment that was answered with another page (a login that ran
// out, say) is not put into this one; the page is loaded anew instead.
export function connect(body) {
  body.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, requestConfig } = event.detail;
    const asked = new URL(requestConfig.path || location.href, location.href).pathname;
    const answered = xhr.responseURL ? new URL(xhr.responseURL).pathname : asked;
    if (asked === answered) return;
    event.detail.shouldSwap = false;
    location.reload();
  });
}
