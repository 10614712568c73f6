// What every page does in the browser. Pages work without it: it only makes them handier.

// A form is sent once, however often somebody presses.
addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
});

// Who comes back with the browser's own button can send it again.
addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});
