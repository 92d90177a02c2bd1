"""/docs in a browser: operations are tried, and calls are copied as lines for a shell."""

import json
import re

import pytest

from .docs_fixtures import (chromium, copied, focused, hostile, needs_chromium,  # noqa: F401
                            open_docs, run_line, send)

pytestmark = needs_chromium

# What could end a word of a shell, or be more than text to a terminal, to JSON or to a URL.
STRANGE = ["'", "''", "'\\''", "\\", "\\'", '"', "$(touch pwned)", "`touch pwned`", "a\nb",
           "\x03id", "\x1b[31m", "!!", "; touch pwned #", "@/etc/passwd", "{a,b}[1-3]", "a&b=c",
           "%27", "ä€😀", "\u202ex", "\u2028", "-o pwned", "a\tb", "\x7f\x9b", "$CQRSD_TOKEN", "*",
           "~", "'@x"]


def test_a_query_is_tried_and_its_token_goes_with_the_next_call(api, open_docs):
    page = open_docs(api, "orders_by_customer")
    page.fill("[name=customer_id]", "7")
    page.js("document.querySelector('[name=status]').value = 'paid'")
    page.fill("[name=max]", "2")
    status, body = send(page)
    first = page.text(".answer .headers")
    token = re.search(r"consistency-token\s+(\S+)", first)[1]
    send(page)

    assert status == "200 OK" and "role=" in first and "ms" in page.text(".status-line")
    assert json.loads(body)["data"] == api.query("orders_by_customer", customer_id=7, max=2,
                                                 status="paid").data
    calls = [(url, headers) for url, headers in page.asked if "/v1/" in url]
    assert [url.split("?")[1] for url, _ in calls] == \
        ["customer_id=7&status=paid&max=2"] * len(calls)
    assert (calls[0][1].get("consistency-token"), calls[-1][1]["consistency-token"]) == \
        (None, token)


def test_a_command_is_tried_with_a_key_and_its_problems_are_shown(api, open_docs, customer, user):
    page = open_docs(api, "place_order")
    page.fill("[name=customer_id]", str(customer))
    page.fill("[name=sku]", "no such thing")
    refused, _ = send(page)
    problem = page.text(".problem")
    page.fill("[name=sku]", api.query("products.search", max=1).data[0]["sku"])
    page.js("[...document.querySelectorAll('.field button')].find((b) =>"
            " b.innerText === 'New key').click()")
    page.js("[...document.querySelectorAll('.field')].find((f) =>"
            " f.innerText.startsWith('X-User-Id')).querySelector('input').focus()")
    page.type(user)
    done, body = send(page)
    again, same = send(page)

    assert refused == "409 Conflict"
    assert "conflict" in problem and "orders_sku_fkey" in problem
    assert (done, again) == ("200 OK", "200 OK")
    assert json.loads(same)["data"] == json.loads(body)["data"]
    assert "idempotent-replayed" in page.text(".answer .headers")
    placed = api.query("orders_by_customer", customer_id=customer, consistency="strong").data
    assert len(placed) == 1


def test_what_cannot_be_right_is_said_before_it_is_sent(api, open_docs):
    page = open_docs(api, "products.search")
    page.fill("[name=tags]", '["a", ')
    page.click(".try button[type=submit]")
    page.until("document.querySelector('[name=tags][aria-invalid=true]')")
    asked = [url for url, _ in page.asked if "/v1/" in url]

    assert focused(page) == "tags" and "JSON" in page.text(".error:not([hidden])")
    assert not asked
    page.fill("[name=tags]", "[]")
    page.fill("[name=max]", "many")
    assert send(page)[0] == "400 Bad Request"
    assert page.js("document.querySelector('[name=max]').getAttribute('aria-invalid')") == "true"
    assert page.js("document.querySelector('[name=tags]').getAttribute('aria-invalid')") is None


def test_a_command_is_tried_as_a_job(hostile, open_docs):
    page = open_docs(hostile, "keep")
    page.fill("[name=note]", "later")
    page.click(".try .check input")
    status, body = send(page)
    job = json.loads(body)["job"]["id"]
    page.js("document.querySelector('.answer > button').click()")
    page.until("document.querySelector('.answer .status').innerText === '200 OK'")

    assert status == "202 Accepted"
    assert json.loads(page.text(".answer .body"))["job"]["id"] == job
    assert any(url.endswith(f"/v1/jobs/{job}") for url, _ in page.asked)


def test_a_job_is_asked_for_and_cancelled(hostile, open_docs, tmp_path):
    job = hostile.post("/v1/commands/keep", {"note": "x"}, {
        "Prefer": 'not-before="2100-01-01T00:00:00Z"'}).json["job"]["id"]
    page = open_docs(hostile, "job-get")
    page.click(".try button[type=submit]")
    page.until("document.querySelector('[name=id][aria-invalid=true]')")
    page.fill("[name=id]", job)
    asked, body = send(page)
    same = json.loads(run_line(copied(page), tmp_path))
    page.goto(f"http://{hostile.address}/docs#/job-cancel")
    page.until("document.querySelector('h1').innerText === 'job-cancel'")
    page.fill("[name=id]", job)
    line = copied(page)
    cancelled, _ = send(page)
    again = json.loads(run_line(line, tmp_path))
    page.fill("[name=id]", "../queries/hostile")
    stray, _ = send(page)

    assert (asked, cancelled, stray) == ("200 OK", "200 OK", "404 Not Found")
    assert json.loads(body)["job"]["state"] == same["job"]["state"] == "scheduled"
    assert again["job"]["state"] == "cancelled" and "-X DELETE" in line
    assert {url.split("/v1/")[1] for url, _ in page.asked if "/v1/" in url} == {
        f"jobs/{job}", "jobs/..%2Fqueries%2Fhostile"}


@pytest.mark.parametrize("way", ["GET", "POST"])
def test_the_copied_line_gives_the_same_body(api, open_docs, tmp_path, way):
    page = open_docs(api, "products.search")
    page.click(f".ways input[value={way}]")
    for name, value in (("starts_with", "P"), ("tags", '["new", "sale"]'), ("price_min", "1.50"),
                        ("attributes", '{"colour": "red"}'), ("max", "5")):
        page.fill(f"[name={name}]", value)
    status, body = send(page)
    line = copied(page)

    assert status == "200 OK"
    assert line.startswith("curl 'http://") and "\n" not in line
    assert json.loads(run_line(line, tmp_path)) == json.loads(body)


def test_what_the_catalog_says_stays_text(hostile, open_docs, tmp_path):
    page = open_docs(hostile, "hostile")
    page.js("document.querySelector('.try form').scrollIntoView()")
    told = page.text(".told")
    links = page.js("[...document.querySelectorAll('.told a')].map((a) => a.href)")

    for part in ("<script>window.pwned=2</script>", "<img src=x onerror=window.pwned=3>", "a <b> '",
                 "<style>body { display: none }</style>", "<i>2</i>", "9007199254740993",
                 "<svg onload=pwned()>", "</script><script>window.pwned=5</script>"):
        assert part in told, part
    assert page.js("document.querySelector('.told .prose strong').innerText") == "bold"
    assert links == ["https://example.org/x", "https://elsewhere.example/p.png"]
    assert page.js("document.querySelectorAll('main script, main img, main svg, main style')"
                   ".length") == 0
    page.js("[...document.querySelectorAll('.try button')].find((b) =>"
            " b.innerText === 'Fill in the example').click()")
    _, body = send(page)
    got = json.loads(run_line(copied(page), tmp_path))

    assert got == json.loads(body)
    assert got["data"] == {"note": "' ; touch pwned #", "words": ["a'b", "$(touch pwned)"],
                           "big": 9007199254740993}
    assert "9007199254740993" in body
    assert page.js("window.pwned") is None
    assert not (tmp_path / "pwned").exists()


def test_whatever_is_typed_in_is_one_safe_command(hostile, open_docs, tmp_path):
    page = open_docs(hostile, "keep")
    wrong = []
    for text in STRANGE:
        page.js("document.querySelector('[name=note]').focus();"
                f"document.querySelector('[name=note]').value = {json.dumps(text)};"
                "document.querySelector('[name=note]').dispatchEvent(new Event('input',"
                " {bubbles: true}))")
        typed = page.js("document.querySelector('[name=note]').value")  # without its line ends
        line = copied(page)
        unseen = [c for c in line if ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u202e\u2028"]
        got = json.loads(run_line(line, tmp_path))
        if got["data"]["note"] != typed or unseen or (tmp_path / "pwned").exists():
            wrong.append((text, line, got))

    assert not wrong


def test_words_of_a_shell_are_words_of_a_shell(hostile, open_docs, tmp_path):
    page = open_docs(hostile)
    lines = page.js("""import("./docs/request.js").then(({ curlOf, queryOf }) =>
        STRANGE.map((text) => curlOf({ method: "GET", credential: text,
            url: "http://h/?" + queryOf([{ name: "a", schema: { type: "string" }, text }]),
            headers: [["X-User-Id", text], [text, "x"]], body: text }, text)))""".replace(
                "STRANGE", json.dumps(STRANGE)))
    for text, line in zip(STRANGE, lines):
        words = run_line(f"curl() {{ printf '%s\\0' \"$@\"; }}; {line}", tmp_path)
        words = words.decode().split("\0")[:-1]

        assert words[-1] == text and words[-2] == "--data-raw"
        assert words[-3] == f"Authorization: Bearer {text}"
        assert set(words) - {"-H", "--data-raw", text} <= {
            words[0], f"X-User-Id: {text}", f"{text}: x", f"Authorization: Bearer {text}"}
        assert re.fullmatch(r"http://h/\?a=[A-Za-z0-9%.*_+-]*", words[0]), words[0]
    assert not (tmp_path / "pwned").exists()
