# SPDX-License-Identifier: Apache-2.0
"""What the manual says of errors and types is what the tables in the source say."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest
import yaml

SBIN = os.environ.get("PATH", os.defpath) + ":/usr/sbin"
ROOT = pathlib.Path(__file__).resolve().parent.parent
OUTCOME = re.compile(r'^OUTCOME\(\w+,\s*"([^"]+)",\s*(\d+),\s*(true|false),\s*"([^"]+)"\)', re.M)
TYPE = re.compile(r'^TYPE\((\w+),.*?\b([A-Z0-9]+)\)$', re.M)


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def outcomes():
    """Of base/outcome.def: code, status, retryable, title; ok is no error."""
    return [row for row in OUTCOME.findall(read("base/outcome.def")) if row[0] != "ok"]


def sections():
    """Of docs/errors.md: the text under each heading, which is its anchor."""
    parts = re.split(r"^## (\S+)$", read("docs/errors.md"), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def test_every_row_of_the_table_of_outcomes_is_read():
    rows = re.findall(r"^OUTCOME\(", read("base/outcome.def"), re.M)

    assert len(outcomes()) == len(rows) - 1


def test_every_error_has_a_section_and_no_section_is_of_nothing():
    assert list(sections()) == [code for code, *_ in outcomes()]


@pytest.mark.parametrize("row", outcomes(), ids=lambda row: row[0])
def test_a_section_says_the_status_what_it_means_and_what_to_do(row):
    code, status, retryable, title = row
    text = sections()[code]
    word = "retryable" if retryable == "true" else "not retryable"

    assert text.startswith(f"\n\n{status}, {word}: {title}\n\n")
    assert re.search(r"^- \*\*Client:\*\* \S", text, re.M)
    assert re.search(r"^- \*\*Operator:\*\* \S", text, re.M)


def test_the_overview_of_errors_is_the_table_of_outcomes():
    listed = re.findall(r"^\| (\d+) \| \[(\S+)\]\(#(\S+)\) \| (yes|no) \|$",
                        read("docs/errors.md"), re.M)

    assert listed == [(status, code, code, "yes" if retryable == "true" else "no")
                      for code, status, retryable, _ in outcomes()]


def test_problem_documents_point_at_this_page():
    assert re.search(r'#define PROBLEM_TYPE "\S+/docs/errors"', read("base/outcome.h"))


def test_every_reason_is_explained():
    reasons = re.findall(r'^REASON\(\w+,\s*"([^"]+)"\)', read("base/reason.def"), re.M)

    assert reasons
    assert [reason for reason in reasons if f"| `{reason}` |" not in read("docs/http.md")] == []


@pytest.mark.parametrize("name", sorted({
    name for name, kind in TYPE.findall(read("pg/types/types.def")) if kind != "STRING"}))
def test_a_type_with_a_json_form_of_its_own_is_in_the_table_of_types(name):
    words = re.search(rf'^TYPE\({name},.*?"([^"]+)"', read("pg/types/types.def"), re.M).group(1)

    assert f"`{words}`" in read("docs/http.md")


@pytest.mark.parametrize("limit, shown", [
    ("HEADERS_MAX", "| headers | {} |"),
    ("JSON_DEPTH_MAX", "| nesting of JSON | {} levels |"),
    ("PAIRS_MAX", "| values of a query string | {} |"),
    ("ARRAY_DEPTH_MAX", "| dimensions of an array | {} |"),
    ("PARAMS_MAX", "| parameters of an operation | {} |"),
    ("USER_BYTES_MAX", "| name of the user | {} bytes |"),
    ("TOKENS_MAX", "at most {} of at most"),
    ("TOKEN_TEXT_MAX", "of at most {} characters"),
    ("REQUEST_ID_BYTES_MAX", "1 to {} of `A-Z"),
    ("PARAM_ERRORS_MAX", "of them ({} at most)"),
])
def test_a_limit_in_the_manual_is_the_limit_in_the_source(limit, shown):
    value = re.search(rf"^#define {limit} (\d+)\b", read("base/limits.h"), re.M).group(1)

    assert shown.format(value) in read("docs/http.md")


def blocks(language):
    """The examples of docs/deploying.md in that language, as one text."""
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```$", read("docs/deploying.md"),
                                re.M | re.S))


def test_the_example_for_kubernetes_says_what_cqrsd_understands_and_waits_long_enough():
    deployment, service = yaml.safe_load_all(blocks("yaml"))
    pod = deployment["spec"]["template"]["spec"]
    container = pod["containers"][0]
    options = dict(arg.removeprefix("--").partition("=")[::2] for arg in container["args"][1:])
    ports = {port["name"] for port in container["ports"]}

    assert [name for name in options if f'("{name}",' not in read("base/options.def")] == []
    assert pod["terminationGracePeriodSeconds"] * 1000 > \
        int(options["drain-delay-ms"]) + int(options["drain-ms"])
    assert {container[probe]["httpGet"]["port"] for probe in ("readinessProbe", "livenessProbe")} \
        | {port["targetPort"] for port in service["spec"]["ports"]} == ports


@pytest.mark.skipif(shutil.which("haproxy", path=SBIN) is None, reason="haproxy is missing")
def test_haproxy_takes_the_example(tmp_path):
    config = tmp_path / "haproxy.cfg"
    config.write_text(blocks(""), encoding="utf-8")
    done = subprocess.run([shutil.which("haproxy", path=SBIN), "-c", "-f", config],
                          capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_containers_are_started_by_the_same_line_everywhere():
    lines = {name: set(re.findall(r"docker compose up(?: +--?\w+)*", read(name)))
             for name in ("README.md", "compose.yaml", "docs/deploying.md")}

    assert lines == dict.fromkeys(lines, {"docker compose up --build --wait"})


def manual_page():
    done = subprocess.run([ROOT / "deploy/man", "1.2.3"], capture_output=True, text=True,
                          check=True)
    return done.stdout


def test_the_manual_page_has_every_option_verb_and_default():
    page = manual_page().replace("\\-", "-")
    rows = re.findall(r'^([A-Z]+)\("([^"]+)",(.*), "([^"]+)"\)$', read("base/options.def"), re.M)
    verbs = re.findall(r'^VERB\("(\w+)"', read("cmd/verbs.def"), re.M)

    assert len(rows) == len(re.findall(r"^[A-Z]+\(", read("base/options.def"), re.M))
    for kind, flag, rest, text in rows:
        entry = re.search(rf"^\.B --{flag}(?: .*)?\n(.*)\n(.*)$", page, re.M)
        assert entry, flag
        assert entry.group(1).lstrip("\\&").startswith(text)
        named = [verb.lower() for verb in re.findall(r"VERB_(\w+)", rest)]
        assert entry.group(2).startswith("(" + ", ".join(named)), flag
        default = re.match(r" \w+, (\d+)," if kind in ("MILLIS", "NUMBER") else r' \w+, "([^"]+)"',
                           rest) if kind in ("MILLIS", "NUMBER", "CHOICE") else None
        assert not default or f"default {default.group(1)})" in entry.group(2), flag
    for verb in verbs:
        assert f"\n.B {verb}\n" in page


@pytest.mark.skipif(shutil.which("man") is None or shutil.which("groff") is None,
                    reason="man is missing")
def test_man_has_no_warning_about_the_manual_page(tmp_path):
    (tmp_path / "cqrsd.1").write_text(manual_page(), encoding="utf-8")
    done = subprocess.run(["man", "--warnings", "-l", tmp_path / "cqrsd.1"], text=True,
                          capture_output=True, check=False,
                          env={"LC_ALL": "C.UTF-8", "MANPAGER": "cat", "PATH": os.defpath})

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
@pytest.mark.parametrize("line", [["check", "rules", "deploy/alerts.yaml"],
                                  ["test", "rules", "tests/alerts.yaml"]])
def test_alerts_fire_when_they_should(line):
    done = subprocess.run(["promtool", *line], cwd=ROOT, capture_output=True, text=True,
                          check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_are_of_metrics_and_runbooks_that_there_are():
    rules = read("deploy/alerts.yaml")
    metrics = set(re.findall(r"^[A-Z_]+\((\w+),", read("base/metrics.def"), re.M))
    runbooks = set(re.findall(r"runbook: docs/(\w+)\.md#([\w-]+)", rules))
    headings = {(page, re.sub(r"\W+", "-", heading.lower())) for page, _ in runbooks
                for heading in re.findall(r"^#+ (.*)$", read(f"docs/{page}.md"), re.M)}

    assert set(re.findall(r"\bcqrsd_(\w+)", rules)) <= metrics
    assert len(re.findall("runbook:", rules)) == len(re.findall("alert:", rules))
    assert runbooks <= headings


def test_the_unit_takes_no_more_of_the_processors_than_others_do():
    assert not re.search(r"^(Nice|CPUWeight)=", read("deploy/cqrsd.service"), re.M)
    assert re.search(r"^EnvironmentFile=/etc/cqrsd/environment$", read("deploy/cqrsd.service"),
                     re.M)


PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
TEST_FILE = re.compile(r"(?:test_\w+|\w+_(?:self)?test)\.(?:c|py)")
NAMED = re.compile(rf"(?P<file>\b{TEST_FILE.pattern})\b|::(?P<story>\w+)|\b(?P<free>test_\w+)")


def stories():
    """Of each file of tests: the names of the functions that it defines."""
    return {path.name: set(re.findall(r"^(?:static void|def) (\w+)\(", path.read_text("utf-8"),
                                      re.M))
            for path in (ROOT / "tests").rglob("*") if TEST_FILE.fullmatch(path.name)}


def strangers(text, known):
    """The tests that a page names and that are not there. A story stands behind its file."""
    everywhere = set().union(*known.values())
    for line in text.splitlines():
        file = None
        for name in NAMED.finditer(line):
            file = name["file"] or file
            if name["file"] and file not in known:
                yield file
            elif name["story"] and file and name["story"] not in known.get(file, ()):
                yield f"{file}::{name['story']}"
            elif name["free"] and name["free"] not in everywhere:
                yield name["free"]


def test_a_name_of_a_test_that_is_not_there_is_found():
    known = {"test_a.c": {"it_works", "test_alone"}, "b_test.py": {"test_b"}}

    assert not list(strangers("test_a.c::it_works, ::test_alone; b_test.py::test_b", known))
    assert list(strangers("`test_a.c::it_fails`, `…::test_b`\n`test_z.py`: test_lost", known)) == [
        "test_a.c::it_fails", "test_a.c::test_b", "test_z.py", "test_lost"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_a_page_names_is_there(page):
    assert not list(strangers(page.read_text("utf-8"), stories()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_goal_fault_and_file_of_tests_that_a_page_names_is_there(page):
    text = page.read_text("utf-8")
    rules = re.findall(r"^([a-z][\w -]*):(?!=)", read("Makefile"), re.M)
    goals = {goal for rule in rules for goal in rule.split()}
    faults = set(re.findall(r"def (\w+)\(", read("tests/guarantees/faults.py")))

    assert set(re.findall(r"`make ([a-z][\w-]*)", text)) <= goals
    assert {fault.replace("-", "_") for fault in re.findall(r"\bfault `([\w-]+)`", text)} <= faults
    assert [path for path in re.findall(r"\btests/[\w./-]*\w", text)
            if not (ROOT / path).exists()] == []
