// The page: fields, the answer, the language.

const find = (id) => document.getElementById(id);
const fields = model.columns.map(makeField);
let last = null; // what was answered last, so that it can be said in the other language

function showStatus(key) {
  find("status").dataset.state = key;
  last = null;
  setLanguage(language);
}

function bar(name, probability, isChosen) {
  const filled = element("div", { className: "filled" });
  filled.style.width = `${100 * probability}%`;
  const track = element("div", { className: "track", "aria-hidden": "true" }, [filled]);
  if (model.target.task === "binary") {
    const mark = element("div", { className: "mark" });
    mark.style.left = `${100 * model.threshold}%`;
    track.append(mark);
  }
  const row = element("div", { className: isChosen ? "bar chosen" : "bar" }, [
    element("span", { className: "name", textContent: name }),
    element("span", { className: "percent", textContent: percent(probability) }),
    track,
  ]);
  return row;
}

function exact(number) {
  return element("p", { className: "exact" }, [`${say("exact")}: `, element("code", { textContent: String(number) })]);
}

const shownAnswers = {
  binary: ({ label, probability }) => {
    const [, positive] = model.target.classes;
    const above = say("above", { name: positive, threshold: percent(model.threshold) });
    return [
      element("p", { className: "label", textContent: label }),
      bar(say("probability", { name: positive }), probability, label === positive),
      element("p", { className: "hint", textContent: above }),
      exact(probability),
    ];
  },
  multiclass: ({ label, probabilities }) => {
    const ranked = model.target.classes.map((name) => [name, probabilities[name]]).sort((a, b) => b[1] - a[1]);
    return [
      element("p", { className: "label", textContent: label }),
      ...ranked.map(([name, probability]) => bar(name, probability, name === label)),
      exact(probabilities[label]),
    ];
  },
  regression: ({ value }) => [
    element("p", { className: "hint", textContent: say("value", { target: model.target.name }) }),
    element("p", { className: "label", textContent: shown(value, { maximumSignificantDigits: 6 }) }),
    exact(value),
  ],
};

function showAnswer() {
  find("result").hidden = last === null;
  if (last === null) return;
  const { answer, problem } = last;
  const content = answer
    ? shownAnswers[model.target.task](answer)
    : [element("p", { className: "label", textContent: say("no_answer") }), element("p", { textContent: problem() })];
  find("answer").replaceChildren(...content);
}

function rowOfForm() {
  return Object.fromEntries(fields.map((field) => [field.column.name, field.read()]));
}

function judged({ answer, faults }) {
  const hard = faults.find((fault) => fault.column === "");
  if (hard) return { answer: null, problem: () => ruleText(hard.rule) };
  if (model.strict && faults.length > 0) return { answer: null, problem: () => say("strict") };
  return { answer };
}

async function answerForm() {
  // the button stays enabled: one that is switched off while it has the focus loses it
  try {
    const [found] = await predict([rowOfForm()]);
    const ruleOf = new Map(found.faults.map((fault) => [fault.column, fault.rule]));
    for (const field of fields) field.show(ruleOf.get(field.column.name) ?? null);
    last = judged(found);
    showAnswer();
    find("result").scrollIntoView({ block: "nearest" });
  } catch {
    showStatus("broken");
  }
}

function fill(row) {
  // a column may be named as something that every object has
  for (const field of fields) {
    const { name } = field.column;
    field.write(Object.hasOwn(row, name) ? row[name] : "");
  }
  last = null;
  showAnswer();
}

function setLanguage(chosen) {
  language = chosen;
  document.documentElement.lang = chosen;
  document.title = say("title", { target: model.target.name });
  for (const button of document.querySelectorAll("#languages button")) {
    button.setAttribute("aria-pressed", String(button.lang === chosen));
  }
  for (const update of spoken) update();
  showAnswer();
}

function speakPage() {
  speak(find("title"), () => say("title", { target: model.target.name }));
  speak(find("version"), () => say("version", { name: model.name, version: model.version.slice(0, 12) }));
  spoken.push(() => (find("status").textContent = say(find("status").dataset.state)));
  for (const key of ["private", "predict", "example", "clear", "result"]) {
    speak(find(key === "result" ? "result-title" : key), () => say(key));
  }
  spoken.push(() => find("languages").setAttribute("aria-label", say("language")));
}

async function start() {
  speakPage();
  find("fields").append(...fields.map((field) => field.box));
  find("form").addEventListener("submit", (event) => (event.preventDefault(), answerForm()));
  find("form").addEventListener("input", () => ((last = null), showAnswer()));
  find("example").addEventListener("click", () => fill(model.example));
  find("clear").addEventListener("click", () => fill({}));
  for (const button of document.querySelectorAll("#languages button")) {
    button.addEventListener("click", () => setLanguage(button.lang));
  }
  setLanguage(language);
  try {
    await predict([]);
    find("predict").disabled = false;
    showStatus("ready");
  } catch {
    showStatus("broken");
  }
}

start();
