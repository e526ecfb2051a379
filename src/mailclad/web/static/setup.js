// What script adds to the set-up pages: buttons that copy, and lights that turn by themselves.
// Texts become text nodes, never markup.

for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = false;
  const label = button.textContent;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}

const SIGNS = { waiting: ["wait", "…", "not yet"], green: ["ok", "✓", ""], red: ["bad", "✕", "see below"] };

const element = (name, className, text) => {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
};

/** “**words**” in bold. */
const marked = (text) => {
  const made = element("span");
  text.split("**").forEach((piece, place) => {
    made.append(place % 2 ? element("strong", "", piece) : piece);
  });
  return made;
};

const light = ({ title, state, words }) => {
  const [look, sign, usual] = SIGNS[state];
  const made = element("li", look);
  const mark = element("span", "sign", sign);
  mark.setAttribute("aria-hidden", "true");
  made.append(mark, element("strong", "", title), element("span", "words", words || usual));
  return made;
};

const note = ({ finding, words }) => {
  const made = element("p", finding ? "note bad" : "note info");
  const text = marked(words);
  if (finding) text.append(" ", element("span", "id", finding));
  made.append(element("strong", "", finding ? "✕ Problem" : "i Note"), text);
  return made;
};

const show = (box, view) => {
  const lights = element("ol", "lights");
  lights.append(...view.lights.map(light));
  box.querySelector(".live").replaceChildren(lights, ...(view.fault ? [note(view.fault)] : []));
  box.querySelector(".again").hidden = !view.cancelled;
  if (view.finished) {
    const well = view.lights.every((one) => one.state === "green");
    box.querySelector("h2").textContent = well ? "It works" : "We have stopped watching";
  }
};

const box = document.querySelector("#watch");
if (box) {
  const source = new EventSource(box.dataset.events);
  source.addEventListener("message", (event) => {
    const view = JSON.parse(event.data);
    show(box, view);
    if (view.finished) source.close();
  });
}
