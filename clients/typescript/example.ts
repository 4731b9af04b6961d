// How the types are used: node example.js http://127.0.0.1:8000 '{"age": 39, "sex": "Male"}'
import type { MulticlassPrediction, Prediction, Problem, RegressionPrediction, Row, paths } from "./tabi.js";

declare const process: { argv: string[] };

type Json<T> = T extends { content: { "application/json": infer Content } } ? Content : never;
type Post<Path extends keyof paths> = paths[Path] extends { post: infer Operation } ? Operation : never;
type Body<Path extends keyof paths> = Post<Path> extends { requestBody: infer Content } ? Json<Content> : never;
type Reply<Path extends keyof paths> = Post<Path> extends { responses: { 200: infer Content } } ? Json<Content> : never;

/** The server says what is wrong, and where. */
export class ProblemError extends Error {
  constructor(readonly problem: Problem) {
    const places = (problem.errors ?? []).map((place) => place.path).join(", ");
    super(`${problem.status} ${problem.title}: ${problem.detail} [${places}]`);
  }
}

/** Send a body to a route and get its reply; the compiler knows which body and which reply belong to it. */
export async function post<Path extends keyof paths>(
  url: string,
  path: Path,
  body: Body<Path>,
  model = "",
): Promise<Reply<Path>> {
  const response = await fetch(url + path.replace("{model}", encodeURIComponent(model)), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) {
    throw new ProblemError((await response.json()) as Problem);
  }
  return (await response.json()) as Reply<Path>;
}

/** The value of a regression, else the probability. */
function numberOf(answer: Prediction | MulticlassPrediction | RegressionPrediction | undefined): number | undefined {
  if (answer === undefined) {
    return undefined;
  }
  return "value" in answer ? answer.value : answer.probability;
}

async function main(url: string, row: Row): Promise<void> {
  const one = await post(url, "/predict", { features: row });
  const many = await post(url, "/predict_batch", { rows: [row, {}] });
  const named = await post(url, "/models/{model}/predict", { features: row }, one.model);
  const answers = [one, many.predictions[0], named].map(numberOf);
  console.log(JSON.stringify({ one, many, named, equal: new Set(answers).size === 1 }));
}

const [url, row] = process.argv.slice(2);
if (url !== undefined && row !== undefined) {
  await main(url, JSON.parse(row) as Row);
}
