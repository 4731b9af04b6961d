"""The notice that a page's third-party parts ask for."""

from __future__ import annotations

from tabi.export.runtime import CODE, DIGESTS, PACKAGE, VERSION, WASM

_MIT = """\
Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def notice() -> str:
    """The text of `NOTICE.txt`."""
    files = "\n".join(f"  {name}  sha256 {DIGESTS[name]}" for name in (CODE, WASM))
    return (
        f"index.html holds {PACKAGE} {VERSION}, of which the line with its exports is changed:\n\n{files}\n\n"
        f"ONNX Runtime Web. Copyright (c) Microsoft Corporation. MIT License:\n\n{_MIT}\n"
        "The licenses of the libraries within it are listed in ThirdPartyNotices.txt of ONNX Runtime's source.\n"
    )
