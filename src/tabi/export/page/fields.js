// The form's fields, made from the contract. Names are set as text, never as markup.

// above this a list to choose from is too long: the field offers what begins as the typed text
const LONGEST_LIST = 50;

function element(tag, properties = {}, children = []) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// Text that follows the language: `update` sets it again.
const spoken = [];

function speak(target, text) {
  spoken.push(() => (target.textContent = text()));
  target.textContent = text();
  return target;
}

function hintOf(column) {
  const { minimum = null, maximum = null } = column;
  const values = { minimum: shownBound(minimum), maximum: shownBound(maximum) };
  const parts = [];
  if (minimum !== null && maximum !== null) parts.push(say("range", values));
  else if (minimum !== null) parts.push(say("at_least", values));
  else if (maximum !== null) parts.push(say("at_most", values));
  if (!column.nullable) parts.push(say("required"));
  return parts.join(" · ");
}

function shownBound(bound) {
  return bound === null ? "" : shown(bound, { maximumSignificantDigits: 17 });
}

function makeInput(column, id) {
  // the decimal keypad of some phones has no minus sign
  const mode = column.minimum !== null && column.minimum >= 0 ? "decimal" : "text";
  const control = element("input", { id, type: "text", inputMode: mode, autocomplete: "off", spellcheck: false });
  return { control, nodes: [control], read: () => control.value, write: (value) => (control.value = value ?? "") };
}

function makeTextarea(column, id) {
  const control = element("textarea", { id, rows: 4, autocomplete: "off" });
  return { control, nodes: [control], read: () => control.value, write: (value) => (control.value = value ?? "") };
}

function makeSearch(column, id) {
  const options = column.categories.map((category) => element("option", { value: category }));
  const list = element("datalist", { id: `${id}-list` }, options);
  const control = element("input", { id, type: "text", autocomplete: "off", spellcheck: false });
  control.setAttribute("list", list.id);
  return { control, nodes: [control, list], read: () => control.value, write: (value) => (control.value = value ?? "") };
}

function makeSelect(column, id) {
  const { categories } = column;
  // choices are known by their place: a category may have any text
  const missing = speak(element("option", { value: "missing" }), () => say("missing"));
  const other = speak(element("option", { value: "other" }), () => say("other"));
  const known = categories.map((category, index) => element("option", { value: String(index), textContent: category }));
  const control = element("select", { id }, [missing, ...known, other]);
  const typed = element("input", { id: `${id}-other`, type: "text", hidden: true, autocomplete: "off" });
  spoken.push(() => typed.setAttribute("aria-label", say("other_of", { column: column.name })));
  const update = () => (typed.hidden = control.value !== "other");
  control.addEventListener("change", () => {
    update();
    if (!typed.hidden) typed.focus();
  });
  const read = () => {
    if (control.value === "missing") return "";
    return control.value === "other" ? typed.value : categories[Number(control.value)];
  };
  const write = (value) => {
    const place = categories.indexOf(value);
    control.value = isMissing(value) ? "missing" : place < 0 ? "other" : String(place);
    typed.value = place < 0 ? (value ?? "") : "";
    update();
  };
  return { control, nodes: [control, typed], read, write };
}

function makeControl(column, id) {
  if (column.kind === "numeric") return makeInput(column, id);
  if (column.kind === "text") return makeTextarea(column, id);
  return column.categories.length > LONGEST_LIST ? makeSearch(column, id) : makeSelect(column, id);
}

// A fault is told when typing pauses, and never while a button is being pressed: the page would move under the pointer.
let pending = null;

function soon(tell) {
  clearTimeout(pending);
  pending = setTimeout(tell, 400);
}

addEventListener("pointerdown", () => clearTimeout(pending));

// One field: `read` and `write` its value, `judge` it by the contract's rules.
function makeField(column, index) {
  const id = `field-${index}`;
  const label = element("label", { htmlFor: id, textContent: column.name });
  const hint = speak(element("span", { id: `${id}-hint`, className: "hint" }), () => hintOf(column));
  const fault = element("p", { id: `${id}-fault`, className: "fault" });
  const made = makeControl(column, id);
  for (const node of made.nodes) {
    if (node.matches("input, select, textarea")) node.setAttribute("aria-describedby", `${hint.id} ${fault.id}`);
  }
  let rule = null;
  const tell = () => (fault.textContent = rule === null ? "" : ruleText(rule));
  spoken.push(tell);
  const show = (found) => {
    rule = found;
    made.control.setAttribute("aria-invalid", String(found !== null));
    tell();
  };
  const judge = () => (column.kind === "numeric" ? ruleOfNumber : ruleOfText)(column, made.read())[1];
  const box = element("div", { className: `field ${column.kind}` }, [label, hint, ...made.nodes, fault]);
  box.addEventListener("input", () => soon(() => show(judge())));
  return { column, box, read: made.read, show, write: (value) => (made.write(value), show(null)) };
}
