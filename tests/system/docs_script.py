"""Opens /docs in Chromium, sends the example row by the page's own form, and prints what happened as JSON."""

from __future__ import annotations

import json
import sys

from playwright.sync_api import expect, sync_playwright


def main(chromium: str, url: str) -> None:
    said: list[str] = []
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda found: asked.append(found.url))
        page.goto(f"{url}/docs")
        form = page.locator('form[data-path="/predict"]')
        page.locator("details", has=form).locator("summary").first.click()
        form.locator("button").click()
        output = form.locator("output")
        expect(output).to_contain_text("probability")
        print(json.dumps({"said": said, "asked": asked, "output": output.inner_text(), "title": page.title()}))
        if len(sys.argv) > 3:
            page.screenshot(path=sys.argv[3])
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
