// The live call on "My calls": the page hears of it, and a press is answered in words without loading anything. Without this the forms do the same.

const section = document.querySelector("[data-live]");
const place = section.dataset.live;
const said = document.getElementById("live-said");
const calls = document.getElementById("live-calls");
// Held for longer than this, a button for silence ends the silence when it is let go.
const HELD_MS = 500;
const PATIENCE_MS = 12_000;

const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
};

const card = (of) =>
  make(
    "article",
    { class: "live-call", "data-call": of.call },
    make("h3", {}, of.title),
    make("ul", { class: "states" }, ...of.states.map((state) => make("li", {}, state))),
    make(
      "form",
      { class: "presses", method: "post", action: place },
      make("input", { type: "hidden", name: "form", value: calls.dataset.form }),
      make("input", { type: "hidden", name: "call", value: of.call }),
      ...of.buttons.map((button) =>
        make(
          "button",
          { type: "submit", name: "do", value: button.do, class: button.class, disabled: button.is_off },
          button.text,
        ),
      ),
    ),
  );

// Whoever is on a button stays on it: mask and unmask are one place.
const placeOf = (button) => [button.closest("article")?.dataset.call, [...button.form.elements].indexOf(button)];

const show = ({ none, calls: all }) => {
  const active = document.activeElement;
  const was = active && calls.contains(active) && active.form ? placeOf(active) : null;
  calls.replaceChildren(...(none ? [make("p", { class: "hint" }, none)] : []), ...all.map(card));
  if (!was) return;
  const article = [...calls.querySelectorAll("article")].find((one) => one.dataset.call === was[0]);
  article?.querySelector("form")?.elements[was[1]]?.focus();
};

const press = async (call, deed) => {
  const sent = new URLSearchParams({ form: calls.dataset.form, do: deed });
  if (call) sent.set("call", call);
  try {
    const answer = await fetch(place, {
      method: "POST",
      body: sent,
      headers: { Accept: "application/json" },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const isWords = answer.headers.get("content-type")?.includes("json");
    // A page instead: whoever presses is logged out by now.
    const told = isWords ? await answer.json() : {};
    said.textContent = [told.said ?? section.dataset.lost, told.more].filter(Boolean).join(" ");
    said.classList.toggle("wrong", !told.is_done);
    if (told.view) show(told.view);
  } catch {
    // Whether it was done nobody knows: the page says so, and what it hears next shows it.
    said.textContent = section.dataset.late;
    said.classList.add("wrong");
  }
};

let held = null;

calls.addEventListener("pointerdown", (event) => {
  const button = event.target.closest("button[value=mask]");
  if (!button || button.disabled || event.button !== 0) return;
  held = { call: button.form.elements.call.value, since: event.timeStamp };
  press(held.call, "mask");
});

// Wherever it is let go.
addEventListener("pointerup", (event) => {
  if (!held) return;
  const { call, since } = held;
  if (event.timeStamp - since > HELD_MS) {
    held = null;
    press(call, "unmask");
  } else {
    // A short press: the silence stays until the next one. The click that follows is this press, not another.
    setTimeout(() => (held = null));
  }
});

calls.addEventListener("submit", (event) => {
  event.preventDefault();
  event.stopPropagation();
  const deed = event.submitter?.value;
  if (!deed || held) return;
  press(event.target.elements.call?.value, deed);
});

let source = null;

const hear = () => {
  source?.close();
  source = new EventSource(place);
  source.addEventListener("message", (event) => {
    said.classList.remove("lost");
    show(JSON.parse(event.data));
  });
  source.addEventListener("error", () => {
    // It tries again by itself, unless it was told no.
    if (source.readyState !== EventSource.CLOSED) return;
    said.textContent = section.dataset.lost;
    said.classList.add("wrong", "lost");
  });
};

// A page that nobody sees asks for nothing.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) source?.close();
  else hear();
});
addEventListener("pagehide", () => source?.close());
hear();
