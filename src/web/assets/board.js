// The board: it follows the engine without anybody loading it again. Without this it shows how things were when it was loaded.

const board = document.getElementById("board");

const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value != null) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

const row = ([name, ...values]) =>
  make("tr", {}, make("th", { scope: "row" }, name), ...values.map((value) => make("td", {}, value)));

const table = ({ title, columns, rows }) => {
  const head = columns.length
    ? [make("thead", {}, make("tr", {}, make("td"), ...columns.map((column) => make("th", { scope: "col" }, column))))]
    : [];
  return make(
    "section",
    { class: "call own" },
    make("h2", {}, title),
    make("table", { class: "counts" }, ...head, make("tbody", {}, ...rows.map(row))),
  );
};

const show = ({ none, troubles, well, tables }) =>
  board.replaceChildren(
    ...(none ? [make("p", { class: "notice" }, none)] : []),
    ...troubles.map((trouble) => make("p", { class: "wrong", role: "alert" }, trouble)),
    ...(well ? [make("p", { class: "good" }, well)] : []),
    ...tables.map(table),
  );

let source = null;

const hear = () => {
  source?.close();
  source = new EventSource(board.dataset.board);
  source.addEventListener("message", (event) => show(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) board.replaceChildren(make("p", { class: "wrong" }, board.dataset.lost));
  });
};

// A page that nobody sees asks for nothing.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) source?.close();
  else hear();
});
addEventListener("pagehide", () => source?.close());
hear();
