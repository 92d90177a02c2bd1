"""/docs in a browser, where callers need a credential.

A file of its own: a service that has known a key is open to callers without one no more.
"""

import json

from harness.until import until

from .docs_fixtures import (HOSTILE, chromium, copied, needs_chromium, open_docs,  # noqa: F401
                            run_line, send)

pytestmark = needs_chromium


def enter(page, credential):
    """Into the form in the middle of the page, which is another one when it is asked for again."""
    page.js("document.querySelector('main .credential').dataset.old = ''")
    page.fill("main .credential input", credential)
    page.press("Enter")
    page.until("document.querySelector('main .credential:not([data-old])')"
               " || document.documentElement.dataset.ready === ''", 90)


def test_it_asks_for_a_credential_and_keeps_it_nowhere(keys, start_cqrsd, own_catalog, open_docs,
                                                       tmp_path):
    key = keys.create(roles="clerk")
    cqrsd = start_cqrsd(auth="required", catalog=own_catalog(HOSTILE))
    page = open_docs(cqrsd, is_open=False)
    page.until("document.querySelector('main .credential')", 90)
    enter(page, "cq_wrong")
    assert page.js("document.querySelector('#list a')") is None
    enter(page, key.text)
    page.goto(f"http://{cqrsd.address}/docs#/limited")
    page.until("document.querySelector('[name=word]')")
    page.fill("[name=word]", "x")
    status, body = send(page)
    with_key = copied(page)
    shown = page.text(".curl code")
    page.click(".curl input")
    without = copied(page)

    assert status == "200 OK"
    assert "callers with the role clerk or chief" in page.text(".told")
    assert key.text in with_key and key.text not in shown
    assert key.text not in without and '"Authorization: Bearer $CQRSD_TOKEN"' in without
    same = json.loads(body)["data"]
    assert json.loads(run_line(with_key, tmp_path))["data"] == same
    assert json.loads(run_line(without, tmp_path, CQRSD_TOKEN=key.text))["data"] == same
    kept = page.js("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie,"
                   " location.href, document.documentElement.outerHTML])")
    assert key.text not in kept
    page.send("Page.reload")
    page.until("document.querySelector('main .credential')", 90)


def test_the_document_is_that_of_who_asks(keys, start_cqrsd, own_catalog, open_docs):
    clerk, guest = keys.create(roles="clerk"), keys.create(roles="guest")
    page = open_docs(start_cqrsd(auth="required", catalog=own_catalog(HOSTILE)), is_open=False)
    page.until("document.querySelector('main .credential')", 90)
    enter(page, guest.text)
    for_guest = page.text("#list")
    page.click("#credential")
    page.fill("dialog input", clerk.text)
    page.press("Enter")
    page.until("document.querySelector('#list').innerText.includes('limited')")

    assert "hostile" in for_guest and "limited" not in for_guest
    assert page.text("#credential") == "Credential: set"
    assert not page.js("document.querySelector('dialog').open")


def test_a_document_that_is_not_there_yet_is_asked_for_again(start_cqrsd, own_catalog, cluster,
                                                             open_docs):
    cqrsd = start_cqrsd(catalog=own_catalog("-- query: a :one\nSELECT 1 AS n;\n"))
    until(lambda: cqrsd.get("/openapi.json").status == 200, "the document", 60)
    cluster.primary.stop("immediate")
    own_catalog("-- query: a :one\nSELECT 2 AS n;\n")
    cqrsd.hup()
    until(lambda: cqrsd.get("/openapi.json").status == 503, "the new catalog to be unknown", 60)
    page = open_docs(cqrsd, "a", is_open=False)
    page.until("document.querySelector('h1')?.innerText.includes('503')")
    told = page.text("main")
    cluster.restore()

    assert "asked for again in" in told
    page.until("document.querySelector('h1').innerText === 'a'", 60)
