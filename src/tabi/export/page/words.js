// What the page says, in each language. {…} is filled in.

const WORDS = {
  en: {
    title: "Prediction of {target}",
    loading: "The model is being loaded…",
    ready: "Fill in what is known. An empty field counts as missing.",
    broken: "This browser cannot run the model. Use a current Chrome, Edge, Firefox or Safari.",
    predict: "Predict",
    example: "Fill in typical values",
    clear: "Clear",
    language: "Language",
    missing: "(missing)",
    other: "(another value)",
    other_of: "Another value of {column}",
    required: "needed",
    range: "{minimum} to {maximum}",
    at_least: "{minimum} or more",
    at_most: "{maximum} or less",
    probability: "Probability of {name}",
    value: "Predicted {target}",
    above: "The answer is {name} from the threshold {threshold} upwards.",
    result: "Result",
    exact: "Exact value",
    no_answer: "No answer",
    strict: "This model answers only rows that keep all rules. Mend the marked fields.",
    private: "Everything is computed in this browser. Nothing that you type leaves this device.",
    version: "Model {name}, version {version}",
    rules: {
      missing: "A value is needed here.",
      not_a_number: "This is not a number. It counts as missing.",
      not_finite: "This number is too large. It counts as missing.",
      below_minimum: "This is below the known range.",
      above_maximum: "This is above the known range.",
      unknown_category: "The model does not know this value.",
      no_probability: "These numbers are too large for the model.",
      not_supported: "A text holds a sign that this page cannot read.",
    },
  },
  ja: {
    title: "{target} の予測",
    loading: "モデルを読み込んでいます…",
    ready: "わかる項目だけ入力してください。空欄は欠損として扱います。",
    broken: "このブラウザーではモデルを実行できません。最新の Chrome、Edge、Firefox、Safari をお使いください。",
    predict: "予測する",
    example: "代表的な値を入れる",
    clear: "クリア",
    language: "言語",
    missing: "（欠損）",
    other: "（その他の値）",
    other_of: "{column} のその他の値",
    required: "必須",
    range: "{minimum} ～ {maximum}",
    at_least: "{minimum} 以上",
    at_most: "{maximum} 以下",
    probability: "{name} の確率",
    value: "{target} の予測値",
    above: "しきい値 {threshold} 以上のとき {name} と判定します。",
    result: "結果",
    exact: "正確な値",
    no_answer: "回答できません",
    strict: "このモデルは、すべての条件を満たす入力だけに回答します。印の付いた項目を直してください。",
    private: "計算はすべてこのブラウザーの中で行います。入力した内容は端末の外に送信されません。",
    version: "モデル {name}、バージョン {version}",
    rules: {
      missing: "値を入力してください。",
      not_a_number: "数値ではないため、欠損として扱います。",
      not_finite: "数値が大きすぎるため、欠損として扱います。",
      below_minimum: "既知の範囲を下回っています。",
      above_maximum: "既知の範囲を上回っています。",
      unknown_category: "モデルが知らない値です。",
      no_probability: "数値が大きすぎるため、モデルは計算できません。",
      not_supported: "このページでは読めない文字が含まれています。",
    },
  },
};

let language = languageAtFirst();

function languageAtFirst() {
  const asked = location.hash.slice(1);
  if (Object.hasOwn(WORDS, asked)) return asked;
  return navigator.language.startsWith("ja") ? "ja" : "en";
}

function say(key, values = {}) {
  return WORDS[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function ruleText(rule) {
  return WORDS[language].rules[rule];
}

function shown(number, options) {
  return new Intl.NumberFormat(language, options).format(number);
}

function percent(number) {
  return shown(number, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
}
