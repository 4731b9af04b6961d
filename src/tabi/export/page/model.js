// Rows in, predictions out. Nothing is sent: the graph runs in this browser.

const model = JSON.parse(document.getElementById("model").textContent);
const columnOf = new Map(model.columns.map((column) => [column.name, column]));
// the order of the graph's inputs
const numericColumns = model.numeric.map((name) => columnOf.get(name));
const stringColumns = model.strings.map((name) => columnOf.get(name));
const categoriesOf = new Map(
  stringColumns.filter((column) => column.categories).map((column) => [column.name, new Set(column.categories)]),
);

async function unpacked(id) {
  const block = document.getElementById(id);
  const packed = Uint8Array.from(atob(block.textContent), (letter) => letter.charCodeAt(0));
  block.remove();
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function openSession() {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = await unpacked("runtime");
  return ort.InferenceSession.create(await unpacked("graph"), { executionProviders: ["wasm"], logSeverityLevel: 4 });
}

function ruleOfNumber(column, value) {
  const [number, rule] = numberOf(value);
  if (rule !== null) return [number, rule];
  if (Number.isNaN(number)) return [number, column.nullable ? null : "missing"];
  if (column.minimum !== null && number < column.minimum) return [number, "below_minimum"];
  if (column.maximum !== null && number > column.maximum) return [number, "above_maximum"];
  return [number, null];
}

function ruleOfText(column, value) {
  const text = categoryOf(value);
  if (text === "") return [text, column.nullable ? null : "missing"];
  const known = categoriesOf.get(column.name);
  return [text, known && !known.has(text) ? "unknown_category" : null];
}

// A row's values for the graph, and where the row breaks the contract.
function readRow(row) {
  const faults = [];
  const given = (column) => (Object.hasOwn(row, column.name) ? row[column.name] : null);
  const read = (column, ruleOf) => {
    const [value, rule] = ruleOf(column, given(column));
    if (rule !== null) faults.push({ column: column.name, rule });
    return value;
  };
  const numbers = numericColumns.map((column) => read(column, ruleOfNumber));
  const texts = stringColumns.map((column) => read(column, ruleOfText));
  for (const name of Object.keys(row)) {
    if (!columnOf.has(name)) faults.push({ column: name, rule: "unknown_column" });
  }
  return { numbers, texts, faults };
}

function feedsOf(session, rows) {
  const tensors = {
    numeric: () =>
      new ort.Tensor("float64", Float64Array.from(rows.flatMap((row) => row.numbers)), [
        rows.length,
        numericColumns.length,
      ]),
    categorical: () =>
      new ort.Tensor("string", rows.flatMap((row) => row.texts), [rows.length, stringColumns.length]),
  };
  return Object.fromEntries(session.inputNames.map((name) => [name, tensors[name]()]));
}

// What the graph gives for one row, by the task. Values that are not finite are no answer.
const answers = {
  binary: (output, index) => {
    const probability = output.probability.data[index];
    const [negative, positive] = model.target.classes;
    return { label: probability >= model.threshold ? positive : negative, probability };
  },
  multiclass: (output, index) => {
    const classes = model.target.classes;
    const found = output.probabilities.data.slice(index * classes.length, (index + 1) * classes.length);
    const best = found.indexOf(Math.max(...found));
    return { label: classes[best], probabilities: Object.fromEntries(classes.map((name, k) => [name, found[k]])) };
  },
  regression: (output, index) => ({ value: output.value.data[index] }),
};

function numbersOf(answer) {
  if (answer.probabilities) return Object.values(answer.probabilities);
  return [answer.probability ?? answer.value];
}

let opened = null;
let running = Promise.resolve();

// One answer a row, in order: what the model says, or null where it has no answer, and the row's faults.
function predict(rows) {
  const run = async () => {
    const session = await (opened ??= openSession());
    if (rows.length === 0) return [];
    const read = rows.map(readRow);
    const output = await session.run(feedsOf(session, read));
    return read.map(({ texts, faults }, index) => {
      const refused = (rule) => ({ answer: null, faults: [...faults, { column: "", rule }] });
      // the runtime would take a text to end at this sign, and answer for another one
      if (texts.some((text) => text.includes("\0"))) return refused("not_supported");
      const answer = answers[model.target.task](output, index);
      return numbersOf(answer).every(Number.isFinite) ? { answer, faults } : refused("no_probability");
    });
  };
  // a session answers one call at a time
  running = running.then(run, run);
  return running;
}

globalThis.tabi = Object.freeze({ model, numberOf, categoryOf, readRow, predict });
