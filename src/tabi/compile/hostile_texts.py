"""Texts that break what cuts them into words and characters.

A missing text is among the rows of every contract; a lone surrogate is not Unicode and reaches neither side.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

# each is a text of its own
TEXTS: tuple[str, ...] = (
    # nothing but blanks, of ASCII and of Unicode, and marks without width
    " ",
    " \t \n ",
    "\u3000\u00a0\u2009",
    "\u200b\ufeff\u200d",
    # very long: one word, many words, many lines
    "a" * 5000,
    "all work and no play " * 300,
    "旅" * 3000,
    "line\n" * 500,
    # other scripts, some written from right to left, some without blanks
    "Съешь же ещё этих мягких французских булок",
    "نص حكيم له سر قاطع",
    "דג סקרן שט בים",
    "ऋषियों को सताने वाले",
    "เป็นมนุษย์สุดประเสริฐ",
    "다람쥐 헌 쳇바퀴에 타고파",
    "東京都の天気は、晴れ。",
    "𠮷野家で𩸽を食べる",
    # emoji: beyond the basic plane, joined, with a skin tone, a flag, a keycap
    "😀👩‍👩‍👧‍👦👍🏽🇯🇵1️⃣",
    "great😀service",
    # full width and half width
    "ＡＢＣ　１２３！",
    "ｶﾞｷﾞｸﾞ ﾊﾟﾋﾟ",
    # the same letters composed and decomposed; marks upon marks
    "é が ñ",
    "e\u0301 か\u3099 n\u0303",
    "Z\u0351\u036b\u0343a\u0321l\u034d",
    # case that changes a text's length, or depends on its place
    "STRASSE straße ẞ ﬁn ŉ",
    "İstanbul ISTANBUL ıstanbul",
    "ΣΊΣΥΦΟΣ Σίσυφος",
    "Ǆ ǅ ǆ Ⅷ ⅷ",
    # ends of lines, controls, and the character that ends a string in C
    "one\ntwo\r\nthree\rfour\u2028five\u2029six\x85seven\x0beight\x0cnine",
    "a\0b",
    "\0",
    "\x01\x1b[31m\x7f",
    # what patterns stumble over
    "a_b-c.d'e\u2019f/g\\h",
    "one,two;three|four",
    "x" + "." * 100 + "y",
    "1 22 333 4.5 1e6 ٣ ²",
    "I a b c d",
)

_WIDE = {ord(" "): "\u3000", **{code: chr(code + 0xFEE0) for code in range(0x21, 0x7F)}}

# each makes another text of one of the test set, so that known words meet what is unusual
CHANGES: tuple[Callable[[str], str], ...] = (
    str.upper,
    str.title,
    lambda text: text.translate(_WIDE),
    lambda text: unicodedata.normalize("NFD", text),
    lambda text: unicodedata.normalize("NFKC", text),
    lambda text: text[::-1],
    lambda text: f"  {text}\n",
    lambda text: text.replace(" ", "\n"),
    lambda text: text.replace(" ", "\u3000"),
    lambda text: text.replace(" ", ""),
    lambda text: f"{text} " * 20,
    "\u0301".join,
    "😀".join,
    lambda text: f"{text}\0{text}",
)
