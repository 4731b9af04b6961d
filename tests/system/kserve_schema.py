"""Whether a document is what KServe's own models say, unknown keys refused: `python kserve_schema.py FILE.json`.

Run by an interpreter that has KServe. The models come from KServe's resource definitions.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import kserve.models  # type: ignore[import-not-found]
import kubernetes.client.models  # type: ignore[import-not-found]

PLAIN = {"str", "int", "float", "bool", "object", "datetime"}


def problems(value: Any, kind: str, place: str) -> list[str]:
    """What is wrong with a value of that kind, by place."""
    listed = re.fullmatch(r"list\[(.+)\]", kind, re.IGNORECASE)
    mapped = re.fullmatch(r"dict\((?:str), (.+)\)|dict\[str, (.+)\]", kind, re.IGNORECASE)
    if listed:
        return [found for i, each in enumerate(value) for found in problems(each, listed[1], f"{place}[{i}]")]
    if mapped:
        inner = mapped[1] or mapped[2]
        return [found for key, each in value.items() for found in problems(each, inner, f"{place}.{key}")]
    if kind in PLAIN:
        names: dict[str, type] = {"str": str, "int": int, "bool": bool}
        return [] if isinstance(value, names.get(kind, object)) else [f"{place} is no {kind}"]
    model = getattr(kserve.models, kind, None) or getattr(kubernetes.client.models, kind, None)
    if model is None:
        # such as a quantity, which is a text or a number
        return []
    keys = {key: name for name, key in model.attribute_map.items()}
    unknown = [f"{place}.{key} is unknown" for key in value if key not in keys]
    known = {key: each for key, each in value.items() if key in keys}
    inside = [
        found
        for key, each in known.items()
        for found in problems(each, model.openapi_types[keys[key]], f"{place}.{key}")
    ]
    return unknown + inside


if __name__ == "__main__":
    document = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print(json.dumps(problems(document, f"V1beta1{document['kind']}", document["kind"])))
