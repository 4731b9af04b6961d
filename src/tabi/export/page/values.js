// One value of a row, by the laws of tabi/contract/values.py: the page and the server make the same of it.

// what Python strips from a text before it reads a number; \s would take the byte order mark too
const SPACE = "[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+";
const SPACES = new RegExp(`^${SPACE}|${SPACE}$`, "g");
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const INFINITE = /^[+-]?inf(?:inity)?$/i;

// Digits of any script count as digits, among them the full-width ones of a Japanese keyboard.
function digitsOf(text) {
  return text.replace(/\p{Nd}/gu, (digit) => {
    const point = digit.codePointAt(0);
    let first = point;
    while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first -= 1;
    return String((point - first) % 10);
  });
}

function isMissing(value) {
  return value === null || value === undefined || value === "" || Number.isNaN(value);
}

// [number, rule]: NaN is missing; the rule that the value broke on the way, or null.
function numberOf(value) {
  if (isMissing(value)) return [NaN, null];
  let number = Number(value);
  if (typeof value === "string") {
    const text = digitsOf(value.replace(SPACES, ""));
    if (INFINITE.test(text)) return [NaN, "not_finite"];
    if (!DECIMAL.test(text)) return [NaN, "not_a_number"];
    number = Number(text);
  }
  return Number.isFinite(number) ? [number, null] : [NaN, "not_finite"];
}

// The text of a category; "" is missing. A number has the text that Python gives it.
function categoryOf(value) {
  if (isMissing(value)) return "";
  if (typeof value !== "number") return String(value);
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Number.isInteger(value)) return BigInt(value).toString();
  const text = Math.abs(value) < 1e-4 ? value.toExponential() : String(value);
  return text.replace(/e-(\d)$/, "e-0$1");
}
