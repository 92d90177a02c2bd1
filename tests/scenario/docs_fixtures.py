"""/docs in a browser: what its stories stand on."""

import os
import subprocess

import pytest
from harness import browser
from harness.browser import Browser

TRIES = 5
# CI installs it: there its absence is a failure.
needs_chromium = pytest.mark.skipif(not browser.program() and not os.environ.get("CI"),
                                    reason="Chromium is not installed")
# All that a catalog may say, said by one who means ill.
HOSTILE = r"""
-- query: hostile :one
-- Some **bold** words, a [link](https://example.org/x), a [trap](javascript:window.pwned=1),
-- <script>window.pwned=2</script> <img src=x onerror=window.pwned=3> and `a <b> '; rm -rf x`.
--
-- ![picture](https://elsewhere.example/p.png)
--
-- <style>body { display: none }</style>
--
-- | a | b |
-- |---|---|
-- | 1 | <i>2</i> |
-- @param note text = 'it''s <b>"so"</b>; $(touch pwned) `touch pwned`'  '; <svg onload=pwned()>
-- @param words text[]?   </script><script>window.pwned=5</script>
-- @param big bigint = 9007199254740993
-- @example {"note": "' ; touch pwned #", "words": ["a'b", "$(touch pwned)"]}
SELECT :note AS note, :words AS words, :big AS big;

-- command: keep :one
-- @param note text
-- @param more jsonb?
-- @async allowed
SELECT :note AS note, :more AS more;

-- query: limited :one
-- @param word text
-- @roles clerk, chief
SELECT :word AS word;
"""


@pytest.fixture(scope="module")
def chromium():
    started = Browser()
    yield started
    left = started.contexts()
    started.close()
    assert not left, f"{len(left)} pages were not closed"


@pytest.fixture
def open_docs(chromium):
    """A function that opens /docs of a service, at an operation; no page did what it may not."""
    opened = []

    def open_page(service, name="", is_open=True, **how):
        page = chromium.page(**how)
        opened.append((service, page))
        page.goto(f"http://{service.address}/docs#/{name}")
        if is_open:
            # A service that has just started has no document yet, on a busy machine for longer.
            page.until("document.documentElement.dataset.ready === ''", 90)
            page.until(f"document.querySelector('h1').innerText === '{name}'" if name else
                       "document.querySelector('h1')")
        return page
    yield open_page
    for _, page in opened:
        page.close()
    for service, page in opened:
        elsewhere = [url for url, _ in page.asked
                     if not url.startswith((f"http://{service.address}/", "data:,"))]
        assert not elsewhere
        assert not page.complaints


@pytest.fixture
def hostile(start_cqrsd, own_catalog):
    return start_cqrsd(catalog=own_catalog(HOSTILE))


def answered(page):
    """The status that the page shows."""
    page.until("document.querySelector('.status-line')", 60)
    return page.text(".status-line .status")


def send(page):
    """Status and body; asked once more where the machine is too busy for an answer in time."""
    for _ in range(TRIES):
        page.js("document.querySelector('.answer').replaceChildren()")
        page.click(".try button[type=submit]")
        if not answered(page).startswith(("503", "504")):
            break
    return answered(page), page.text(".answer .body")


def copied(page):
    page.click(".curl button")
    page.until("document.querySelector('#live').innerText === 'Copied.'")
    page.js("document.querySelector('#live').innerText = ''")
    return page.js("navigator.clipboard.readText()")


def run_line(line, folder, **env):
    """What a shell does with a line that was pasted into it."""
    for _ in range(TRIES):
        done = subprocess.run(["/bin/sh", "-c", line], cwd=folder, capture_output=True, timeout=60,
                              env={"PATH": "/usr/bin:/bin", "HOME": str(folder), **env},
                              check=False)
        assert done.returncode == 0, done.stderr
        if b'"retryable":true' not in done.stdout:
            break
    return done.stdout


def focused(page):
    return page.js("(() => { const e = document.activeElement; return e.name || e.id"
                   " || e.innerText || e.tagName; })()")


def tab_to(page, expression, limit=60):
    """Tab by Tab until it has the focus; what had it can be seen to have had it."""
    for _ in range(limit):
        page.press("Tab")
        seen = page.js("(() => { const s = getComputedStyle(document.activeElement);"
                       " return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2; })()")
        assert seen, f"no outline at {focused(page)}"
        if page.js(f"!!({expression})"):
            return
    raise AssertionError(f"Tab never came to {expression}")
