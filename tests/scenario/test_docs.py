"""GET /docs in a browser: found, read; by keyboard, dark and light, narrow, from nowhere else."""

import gzip
import re

import pytest

from .docs_fixtures import (TRIES, answered, chromium, hostile, needs_chromium,  # noqa: F401
                            open_docs, send, tab_to)

pytestmark = needs_chromium

GZIPPED_BYTES_MAX = 100_000
CONTRAST_MIN = 4.5
# The least contrast of all text that is seen, with the text that has it.
CONTRAST = r"""(() => {
  const rgb = (text) => { const c = text.match(/[\d.]+/g).map(Number);
    return { c: c.slice(0, 3), a: c[3] ?? 1 }; };
  const light = ([r, g, b]) => { const f = (v) => (v /= 255) <= .03928 ? v / 12.92
    : ((v + .055) / 1.055) ** 2.4; return .2126 * f(r) + .7152 * f(g) + .0722 * f(b); };
  const ground = (e) => { for (; e; e = e.parentElement) {
    const found = rgb(getComputedStyle(e).backgroundColor); if (found.a === 1) return found.c; }
    return null; };
  let least = [99, ""];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !e.checkVisibility()
        || e.closest(".unseen, noscript, #skip"))
      continue;
    const [a, b] = [light(rgb(getComputedStyle(e).color).c), light(ground(e))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < least[0]) least = [ratio, walker.currentNode.data];
  }
  return least;
})()"""


def test_an_operation_is_found_by_its_name_its_words_and_its_columns(api, open_docs):
    page = open_docs(api)
    found = {}
    for words in ("by_customer", "NEWEST first", "turnover", "customer unit_price new", "zzz"):
        page.fill("#search", words)
        page.until("document.querySelector('#found').innerText.match(/^\\d+ of \\d+/)")
        found[words] = page.js("[...document.querySelectorAll('#list a')].map((a) => a.innerText)")

    assert found["by_customer"][0] == "orders_by_customer"
    assert "orders_by_customer" in found["NEWEST first"]
    assert found["turnover"] == ["top_products"]
    assert found["zzz"] == [] and page.text("#found").startswith("0 of ")
    page.fill("#search", "")
    assert len(page.js("[...document.querySelectorAll('#list a')].map((a) => a.innerText)")) > 40


def test_an_operation_is_shown_with_what_the_document_says_of_it(api, open_docs):
    page = open_docs(api, "orders_by_customer")
    told = page.text(".told")

    assert page.js("document.title").startswith("orders_by_customer")
    for part in ("Orders of one customer, newest first.", "GET /v1/queries/orders_by_customer",
                 "Customer to list", "required", "shipped", "Default 50", "at most 500 elements",
                 "may be null", "invalid-consistency-token", "429"):
        assert part in told, part
    assert page.js("document.querySelector('#list a[aria-current=page]').innerText") == \
        "orders_by_customer"


def test_it_is_used_by_the_keyboard_alone(api, open_docs):
    page = open_docs(api)
    tab_to(page, "document.activeElement.id === 'skip'", 1)
    page.press("Enter")
    page.until("document.activeElement.id === 'main'")
    page.press("/")
    page.until("document.activeElement.id === 'search'")
    page.type("orders_by_cust")
    page.until("document.querySelectorAll('#list a').length === 1")
    page.press("ArrowDown")
    page.until("document.activeElement.innerText === 'orders_by_customer'")
    page.press("ArrowUp")
    page.until("document.activeElement.id === 'search'")
    page.press("Enter")
    page.until("document.activeElement.innerText === 'orders_by_customer'")
    tab_to(page, "document.activeElement.name === 'customer_id'")
    page.type("7")
    for _ in range(TRIES):
        page.js("document.querySelector('.answer').replaceChildren()")
        page.press("Enter")
        if answered(page) == "200 OK":
            break
    page.until("document.querySelector('#live').innerText === 'Answered 200.'")
    tab_to(page, "document.activeElement.innerText === 'Copy as curl'")
    page.press(" ")
    page.until("document.querySelector('#live').innerText === 'Copied.'")
    tab_to(page, "document.activeElement.classList.contains('body')")
    page.js("document.querySelector('#theme').focus()")
    tab_to(page, "document.activeElement.id === 'search'", 3)
    page.press("Escape")
    page.until("document.querySelectorAll('#list a').length > 40")


def test_every_field_has_a_name_that_is_read_out(hostile, open_docs):
    page = open_docs(hostile, "hostile")
    page.send("Accessibility.enable")
    nodes = page.send("Accessibility.getFullAXTree")["nodes"]
    roles = {}
    for node in nodes:
        if not node.get("ignored"):
            roles.setdefault(node["role"]["value"], []).append(node.get("name", {}).get("value"))

    for role in ("textbox", "searchbox", "button", "combobox", "link", "radio", "navigation"):
        assert all(roles.get(role, [])), (role, roles.get(role))
    assert {"note", "words", "big"} <= set(roles["textbox"])
    assert {"hostile", "Parameters", "Try it"} <= set(roles["heading"])
    assert {"main", "search", "complementary"} <= set(roles)


@pytest.mark.parametrize("system", ["dark", "light"])
def test_it_is_dark_and_light_and_can_be_read_in_both(api, open_docs, system):
    other = "light" if system == "dark" else "dark"
    page = open_docs(api, "place_order", dark=system == "dark")
    page.fill("[name=customer_id]", "x")
    page.fill("[name=sku]", "x")
    send(page)
    grounds = {}
    for theme in ("", other, system):
        page.js(f"document.querySelector('#theme').value = '{theme}'; document.querySelector("
                "'#theme').dispatchEvent(new Event('change'))")
        shown = page.js("getComputedStyle(document.documentElement).backgroundColor")
        grounds[theme] = sum(map(int, re.findall(r"\d+", shown)[:3]))
        ratio, text = page.js(CONTRAST)
        assert ratio >= CONTRAST_MIN, (theme, ratio, text)
    page.send("Page.reload")
    page.until("document.querySelector('.try')")

    assert grounds[""] == grounds[system]
    assert grounds["dark"] < 3 * 50 < 3 * 200 < grounds["light"]
    assert page.js("document.querySelector('#theme').value") == system


@pytest.mark.parametrize("width", [320, 768])
def test_a_narrow_screen_shows_all_of_it(hostile, open_docs, width):
    page = open_docs(hostile, "hostile", width=width, height=700)
    send(page)
    overflow = [page.js("document.documentElement.scrollWidth")]
    if width == 320:
        assert not page.js("document.querySelector('#search').checkVisibility()")
        page.click("#menu")
        assert page.js("document.querySelector('#search').checkVisibility()")
    page.click(".jump")
    assert page.js("document.querySelector('.try form').contains(document.activeElement)")
    page.click("#list a[href='#/keep']")
    page.until("document.querySelector('h1').innerText === 'keep'")
    overflow.append(page.js("document.documentElement.scrollWidth"))
    page.goto(f"http://{hostile.address}/docs#/")
    page.until("document.querySelector('.overview-page')")
    overflow.append(page.js("document.documentElement.scrollWidth"))

    assert max(overflow) <= width
    if width == 320:
        assert not page.js("document.querySelector('#search').checkVisibility()")


def test_it_is_small_and_asks_nobody_else(api, open_docs):
    page = open_docs(api)
    urls = {url for url, _ in page.asked if url.startswith("http")}
    page_itself = api.client.get("/docs")
    policy = page_itself.headers["content-security-policy"]
    sizes = {url: len(gzip.compress(api.client.get(url.split(api.address)[1].split("#")[0]).body))
             for url in urls if not url.endswith("/openapi.json")}

    assert len(sizes) > 5 and sum(sizes.values()) < GZIPPED_BYTES_MAX, sizes
    for part in ("default-src 'none'", "script-src 'self'", "connect-src 'self'",
                 "style-src 'self'", "base-uri 'none'", "form-action 'none'",
                 "frame-ancestors 'none'", "require-trusted-types-for 'script'"):
        assert part in policy
    assert "unsafe" not in policy
    assert not re.search(rb"<script(?![^>]* src=)|<style| style=| on\w+=", page_itself.body)


def test_the_policy_forbids_what_the_page_never_does(api, chromium):
    with chromium.page() as page:
        page.goto(f"http://{api.address}/docs")
        page.until("document.documentElement.dataset.ready === ''", 90)
        assert page.complaints == []
        page.js("fetch('http://127.0.0.2:9/').catch(() => null)")
        page.js("(() => { try { document.body.innerHTML = '<img src=x onerror=window.pwned=1>'; }"
                " catch { window.refused = true; } })()")
        page.js("document.body.append(Object.assign(document.createElement('img'),"
                " {src: 'http://127.0.0.2:9/p.png'}))")
        page.until("window.refused")

        assert page.js("window.pwned") is None
        assert len([text for text in page.complaints if "Content Security Policy" in text]) >= 2
