"""The worked example as a program in Python, C++ and Java."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import NamedTuple

from tabi.bundle.session import CATEGORICAL, NUMERIC, OUTPUTS
from tabi.contract import Target
from tabi.export.example import Example


class Sample(NamedTuple):
    """`language`: as Markdown names it. `code`: the whole program."""

    title: str
    language: str
    code: str


class _Decision(NamedTuple):
    """What a program needs to make an answer of the graph's output."""

    target: Target
    threshold: float | None


def samples(example: Example, inputs: Sequence[str], target: Target, threshold: float | None) -> list[Sample]:
    """A program a language, each of which prints what the example expects."""
    decision = _Decision(target, threshold)
    places = {"output": OUTPUTS[target.task]}
    return [
        Sample(title, language, _filled(f"{language}.txt", places | make(example, inputs, decision)))
        for title, language, make in _LANGUAGES
    ]


def _filled(name: str, places: Mapping[str, str]) -> str:
    text = (files("tabi.export") / "programs" / name).read_text("utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda place: places[place[1]], text)


def _numbers(numbers: Sequence[float]) -> str:
    # repr is the shortest text that every language reads as the same float64
    return ", ".join("missing" if math.isnan(number) else repr(number) for number in numbers)


def _text(text: str) -> str:
    """A string literal that Python and Java read alike: JSON's, whose escapes both know."""
    return json.dumps(text, ensure_ascii=False)


def _text_cpp(text: str) -> str:
    """The same for C++, in which control characters are written in octal."""
    # "?" too: two of them begin a trigraph in older C++
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?")
    return '"' + "".join(f"\\{ord(c):03o}" if c < " " else c for c in escaped) + '"'


def _python(example: Example, inputs: Sequence[str], decision: _Decision) -> dict[str, str]:
    texts = ", ".join(map(_text, example.strings))
    lines = {
        NUMERIC: f'    "{NUMERIC}": np.array([[{_numbers(example.numeric)}]], dtype=np.float64),',
        CATEGORICAL: f'    "{CATEGORICAL}": np.array([[{texts}]], dtype=object),',
    }
    classes = ", ".join(map(_text, decision.target.classes))
    answers = {
        "binary": f"probability = float(output[0])\nlabels = [{classes}]\n"
        f"print(probability, labels[probability >= {decision.threshold!r}])",
        "multiclass": f"labels = [{classes}]\nprint(*output[0].tolist(), labels[int(np.argmax(output[0]))])",
        "regression": "print(float(output[0]))",
    }
    return {"inputs": _chosen(lines, inputs), "answer": answers[decision.target.task]}


def _cpp(example: Example, inputs: Sequence[str], decision: _Decision) -> dict[str, str]:
    texts = ", ".join(map(_text_cpp, example.strings))
    lines = {
        NUMERIC: f"""
  std::vector<double> numbers = {{{_numbers(example.numeric)}}};
  const std::int64_t numbers_shape[] = {{1, {len(example.numeric)}}};
  const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  names.push_back("{NUMERIC}");
  inputs.push_back(Ort::Value::CreateTensor<double>(memory, numbers.data(), numbers.size(), numbers_shape, 2));""",
        CATEGORICAL: f"""
  const std::vector<const char*> texts = {{{texts}}};
  const std::int64_t texts_shape[] = {{1, {len(example.strings)}}};
  Ort::AllocatorWithDefaultOptions allocator;
  Ort::Value strings = Ort::Value::CreateTensor(allocator, texts_shape, 2, ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING);
  strings.FillStringTensor(texts.data(), texts.size());
  names.push_back("{CATEGORICAL}");
  inputs.push_back(std::move(strings));""",
    }
    classes = decision.target.classes
    labels = f"  const char* labels[] = {{{', '.join(map(_text_cpp, classes))}}};\n"
    answers = {
        "binary": f"{labels}  std::cout << output[0] << ' ' << labels[output[0] >= {decision.threshold!r}] << '\\n';",
        "multiclass": f"{labels}  for (int k = 0; k < {len(classes)}; ++k) std::cout << output[k] << ' ';\n"
        f"  std::cout << labels[std::max_element(output, output + {len(classes)}) - output] << '\\n';",
        "regression": "  std::cout << output[0] << '\\n';",
    }
    return {"inputs": _chosen(lines, inputs), "answer": answers[decision.target.task]}


def _java(example: Example, inputs: Sequence[str], decision: _Decision) -> dict[str, str]:
    texts = ", ".join(map(_text, example.strings))
    lines = {
        NUMERIC: f"    double[][] numbers = {{{{{_numbers(example.numeric)}}}}};\n"
        f'    inputs.put("{NUMERIC}", OnnxTensor.createTensor(environment, numbers));',
        CATEGORICAL: f"    String[][] texts = {{{{{texts}}}}};\n"
        f'    inputs.put("{CATEGORICAL}", OnnxTensor.createTensor(environment, texts));',
    }
    labels = f"      String[] labels = {{{', '.join(map(_text, decision.target.classes))}}};\n"
    one = "      double output = ((double[]) result.get(0).getValue())[0];\n"
    answers = {
        "binary": f"{one}{labels}"
        f'      System.out.println(output + " " + labels[output >= {decision.threshold!r} ? 1 : 0]);',
        "multiclass": f"""\
      double[] output = ((double[][]) result.get(0).getValue())[0];
{labels}      int best = 0;
      for (int k = 0; k < output.length; k++) {{
        System.out.print(output[k] + " ");
        if (output[k] > output[best]) best = k;
      }}
      System.out.println(labels[best]);""",
        "regression": f"{one}      System.out.println(output);",
    }
    return {"inputs": _chosen(lines, inputs), "answer": answers[decision.target.task]}


def _chosen(lines: Mapping[str, str], inputs: Sequence[str]) -> str:
    return "\n".join(lines[name] for name in inputs)


_LANGUAGES: tuple[tuple[str, str, Callable[[Example, Sequence[str], _Decision], dict[str, str]]], ...] = (
    ("Python", "python", _python),
    ("C++", "cpp", _cpp),
    ("Java and Android", "java", _java),
)
