"""Drives exported pages in one Chromium with the network cut.

Argument: Chromium. A line of JSON on stdin says what to do: `verb`, `url` and what is `given`; one on stdout says what
was found, what the page said on its console, and what it asked for.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from playwright.sync_api import Browser, Error, Page, ViewportSize, expect, sync_playwright

READY_MS = 30_000


def predict(page: Page, rows: Any) -> Any:
    """The page's own function over rows."""
    return json.loads(
        page.evaluate("async (text) => JSON.stringify(await tabi.predict(JSON.parse(text)))", json.dumps(rows))
    )


def laws(page: Page, values: Any) -> Any:
    """What the page makes of values: [number or null, rule] and the category's text."""
    script = "(text) => JSON.stringify(JSON.parse(text).map((v) => [tabi.numberOf(v), tabi.categoryOf(v)]))"
    return json.loads(page.evaluate(script, json.dumps(values)))


def form(page: Page, asked: Any) -> Any:
    """Fill the form as a person does, in both languages; `asked`: values by label, and how to send."""
    page.locator("#clear").click()
    for label, value in asked.get("fill", {}).items():
        page.get_by_label(label, exact=True).fill(value)
    for label, value in asked.get("select", {}).items():
        page.get_by_label(label, exact=True).select_option(label=value)
    if asked.get("example"):
        page.locator("#example").click()
    if asked.get("enter"):
        page.get_by_label(asked["enter"], exact=True).press("Enter")
    else:
        page.locator("#predict").click()
    expect(page.locator("#result")).to_be_visible()
    focus = page.evaluate("document.activeElement.labels?.[0]?.textContent ?? document.activeElement.id")
    said = {}
    for language in ("ja", "en"):
        page.locator(f"#languages button[lang={language}]").click()
        said[language] = {
            "lang": page.evaluate("document.documentElement.lang"),
            "title": page.title(),
            "text": page.locator("body").inner_text(),
            "answer": page.locator("#answer").inner_text(),
        }
    return said | {
        "invalid": page.locator("[aria-invalid=true]").evaluate_all("(all) => all.map((e) => e.labels[0].textContent)"),
        "exact": page.locator(".exact code").all_inner_texts(),
        "focus": focus,
    }


def names(page: Page, _: Any) -> Any:
    """How the page shows the names of the contract, and whether one of them became markup."""
    return {
        "labels": page.locator("#fields label").all_text_contents(),
        "unlabelled": page.evaluate(
            "[...document.querySelectorAll('input, select, textarea, button')]"
            ".filter((e) => !e.labels?.length && !e.ariaLabel && !e.textContent).length"
        ),
        "options": page.locator("#fields option").all_text_contents(),
        "foreign": page.locator("img, iframe, svg, b, script:not([id]):not([type=module])").count(),
        "kinds": page.locator("#fields .field > :is(input, select, textarea):not([hidden])").evaluate_all(
            "(all) => all.map((e) => e.tagName + (e.list ? ' list' : ''))"
        ),
        "cleared": page.evaluate(
            "() => { document.querySelector('#clear').click();"
            " return [...document.querySelectorAll('#fields input, #fields textarea')].map((e) => e.value).join(''); }"
        ),
        "heading": page.locator("h1").inner_text(),
        "hacked": page.evaluate("typeof globalThis.hacked"),
    }


def policy(page: Page, _: Any) -> Any:
    """What a script that got into the page could do."""
    page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'globalThis.inline = 1';"
        " document.body.append(s); setTimeout('globalThis.text = 1'); }"
    )
    return {
        "fetch": page.evaluate("() => fetch(location.href).then(() => 'sent', () => 'refused')"),
        "image": page.evaluate(
            "() => new Promise((end) => { const i = new Image(); i.onload = () => end('sent');"
            " i.onerror = () => end('refused'); i.src = location.href + '?leak'; })"
        ),
        "ran": page.evaluate("[typeof globalThis.inline, typeof globalThis.text]"),
        "size": page.evaluate("[document.documentElement.scrollWidth, innerWidth]"),
    }


VERBS = {"predict": predict, "laws": laws, "form": form, "names": names, "policy": policy}


class Tab:
    """The one page that is open: opening it takes longer than what is done on it."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.url = url
        self.said: list[str] = []
        self.asked: list[str] = []
        # a small phone
        viewport: ViewportSize = {"width": 360, "height": 740}
        self._context = browser.new_context(offline=url.startswith("file:"), locale="en-GB", viewport=viewport)
        self.page = self._context.new_page()
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda found: self.asked.append(found.url))
        self.page.goto(url)
        # from here on the page is alone, wherever it came from
        self._context.set_offline(offline=True)
        self.page.locator("#predict:enabled").wait_for(timeout=READY_MS)

    def close(self) -> None:
        self._context.close()


def answer(tab: Tab, verb: str, given: Any) -> dict[str, Any]:
    """What is found, and what the page said and asked for since it was opened; or what went wrong."""
    try:
        found = VERBS[verb](tab.page, given)
    except (Error, AssertionError, KeyError, TypeError) as error:
        return {"error": f"{type(error).__name__}: {error}"}
    return {"error": None, "found": found, "said": tab.said, "asked": tab.asked}


def main(chromium: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = None
        for line in sys.stdin:
            asked = json.loads(line)
            if tab is None or tab.url != asked["url"]:
                if tab is not None:
                    tab.close()
                tab = Tab(browser, asked["url"])
            print(json.dumps(answer(tab, asked["verb"], asked["given"])), flush=True)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
