# SPDX-License-Identifier: Apache-2.0
"""A rule must be able to fail: each one is shown what it forbids, and a tree it must not mind."""

import importlib.machinery
import importlib.util
import pathlib
import shutil
import sys

import pytest

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).parent
LOADER = importlib.machinery.SourceFileLoader("tidy", str(HERE / "tidy"))
tidy = importlib.util.module_from_spec(importlib.util.spec_from_loader("tidy", LOADER))
LOADER.exec_module(tidy)

HEAD = "/* SPDX-License-Identifier: Apache-2.0 */\n/* Says what the file is for. */\n"

# Rule, file, text, the line where it is found.
BAD = [
    ("line_length", "pg/a.c", HEAD + "\n/* " + "x" * 95 + " */\n", 4),
    ("line_length", "pg/a.h", HEAD + "\t" * 12 + "int a;\n", 3),
    ("line_length", "tests/a.py", "#" * 101 + "\n", 1),
    ("line_length", "deploy/a", "#!/bin/sh\n# " + "x" * 100 + "\n", 2),
    ("file_length", "pg/a.c", HEAD + "int a;\n" * 799, 801),
    ("function_length", "pg/a.c", HEAD + "int a(void)\n{\n" + "\tb();\n" * 71 + "}\n", 4),
    ("trailing_space", "pg/a.c", HEAD + "int a; \n", 3),
    ("trailing_space", "base/a.def", "ROW(a)\t\n", 1),
    ("trailing_space", "migrations/1.sql", "SELECT 1;", 1),
    ("notes", "pg/a.c", HEAD + "/* TO" "DO: the rest */\n", 3),
    ("notes", "migrations/1.sql", "-- FIX" "ME\n", 1),
    ("notes", "deploy/a", "#!/bin/sh\n# HA" "CK\n", 2),
    ("header", "pg/a.c", "/* Says what the file is for. */\n", 1),
    ("header", "pg/a.h", "/* SPDX-License-Identifier: Apache-2.0 */\n#pragma once\n", 2),
    ("header", "tests/unit/test_a.c", "#include <stdio.h>\n", 1),
    ("own_header_first", "base/own.c", HEAD + '#include <stdio.h>\n#include "base/own.h"\n', 3),
    ("own_header_first", "base/own.c", HEAD + "int a;\n", 1),
    ("include_path", "pg/a.c", HEAD + '#include "pool.h"\n', 3),
    ("include_path", "pg/a.c", HEAD + '#include "../base/buf.h"\n', 3),
    ("include_path", "cmd/serve.c", HEAD + '#include "gen/revision.h"\n', 3),
    ("include_direction", "base/a.c", HEAD + '#include "pg/pool.h"\n', 3),
    ("include_direction", "write/a.c", HEAD + '#include "read/query.h"\n', 3),
    ("include_direction", "read/a.h", HEAD + '#include "write/command.h"\n', 3),
    ("include_direction", "http/a.c", HEAD + '#include "router/router.h"\n', 3),
    ("include_direction", "router/a.c", HEAD + '#include "http/http.h"\n', 3),
    ("include_direction", "pg/a.c", HEAD + '#include "catalog/catalog.h"\n', 3),
    ("include_direction", "catalog/a.c", HEAD + '#include "pg/pool.h"\n', 3),
    ("include_direction", "http/a.c", HEAD + '#include "cmd/start.h"\n', 3),
    ("door", "router/a.c", HEAD + "#include <microhttpd.h>\n", 3),
    ("door", "router/a.c", HEAD + "#include <libpq-fe.h>\n", 3),
    ("door", "base/a.c", HEAD + "#include <postgresql/libpq-fe.h>\n", 3),
    ("door", "http/a.c", HEAD + "#include <jansson.h>\n", 3),
    ("door", "pg/a.c", HEAD + "# include <jansson.h>\n", 3),
    ("door", "base/loop.c", HEAD + "#include <ck_ring.h>\n", 3),
    ("door", "router/token.c", HEAD + "#include <openssl/hmac.h>\n", 3),
    ("door", "base/log.c", HEAD + "#include <systemd/sd-daemon.h>\n", 3),
    ("door", "base/a.c", HEAD + "#include <cmocka.h>\n", 3),
    ("clock", "pg/a.c", HEAD + "\tclock_gettime(CLOCK_MONOTONIC, &now);\n", 3),
    ("clock", "pg/a.c", HEAD + "\tnow = time(NULL);\n", 3),
    ("python_sleep", "tests/scenario/test_a.py", "time.sleep(1)\n", 1),
    ("python_sleep", "tests/scenario/test_a.py", "from time import sleep\n", 1),
    ("python_sleep", "tests/harness/cluster.py", "    sleep(1)\n", 1),
    *[("banned", "pg/a.c", HEAD + f"\tx = {name}(y);\n", 3) for name in tidy.BANNED],
]

GOOD = {
    "base/own.h": HEAD + "#pragma once\n\nint own(void);\n",
    "base/own.c": HEAD + '#include "base/own.h"\n\n#include <stdio.h>\n',
    "base/sign.c": HEAD + "#include <openssl/hmac.h>\n",
    "base/json.c": HEAD + "#include <jansson.h>\n",
    "base/mailbox.c": HEAD + "#include <ck_ring.h>\n",
    "base/clock.c": HEAD + "static void f(void)\n{\n\tclock_gettime(0, 0);\n}\n",
    "base/names.def": "ROW(" + "x" * 200 + ")\n",
    "pg/pool.c": HEAD + '#include "base/own.h"\n\n#include <libpq-fe.h>\n',
    "pg/words.c": HEAD + "/* system(), sleep(1) and strcpy() */\n"
                  'static const char *a = "sprintf(";\n'
                  "static void f(void)\n{\n\tmy_system(1);\n\tx->sleep(1);\n\tx.time(1);\n}\n",
    "pg/long.c": HEAD + "int a(void)\n{\n" + "\tb();\n" * 70 + "}\n",
    "router/sessions.c": HEAD + '#include "read/query.h"\n#include "write/command.h"\n'
                         "\n#include <ck_pr.h>\n",
    "read/cache_fill.c": HEAD + "#include <ck_ht.h>\n",
    "http/a.c": HEAD + '#include "catalog/catalog.h"\n\n#include <microhttpd.h>\n',
    "cmd/version.c": HEAD + '#include "gen/revision.h"\n\n#include <systemd/sd-daemon.h>\n',
    "cmd/serve.c": HEAD + '#include "http/http.h"\n#include "pg/pool.h"\n',
    "tests/unit/fake.h": HEAD,
    "tests/unit/fake.c": HEAD + '#include "fake.h"\n\n#include <libpq-fe.h>\n',
    "tests/harness/until.py": "time.sleep(0.01)\n",
    "tests/scenario/test_a.py": "db.execute(\"SELECT pg_sleep(1)\")\n# never time.sleep() here\n",
    "bench/run.py": "time.sleep(10)\n",
    "build/base/left.c": "\tsleep(1); \n",
    ".run/left.py": "sleep(1) \n",
}


def write(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def tree(tmp_path):
    for name, text in GOOD.items():
        write(tmp_path, name, text)
    return tmp_path


def test_a_good_tree_has_no_problem(tree):
    problems, count = tidy.check(tree)

    assert problems == []
    assert count == len(GOOD) - 2


@pytest.mark.parametrize("rule, name, text, line", BAD, ids=[f"{bad[0]}:{bad[1]}" for bad in BAD])
def test_a_rule_finds_what_it_forbids(tree, rule, name, text, line):
    write(tree, name, text)

    problems, _ = tidy.check(tree)

    assert [(found[0], found[1], found[2]) for found in problems] == [(name, line, rule)]


def test_every_rule_has_an_example_that_breaks_it():
    assert {bad[0] for bad in BAD} == set(tidy.RULES)


@pytest.mark.skipif(not shutil.which("clang-format"), reason="clang-format is not installed")
def test_a_file_that_clang_format_would_change_is_named_once(tree):
    write(tree, ".clang-format", (HERE.parent / ".clang-format").read_text(encoding="utf-8"))
    write(tree, "pg/a.c", HEAD + "int  a;\nint  b;\n")

    problems, _ = tidy.check(tree)

    assert [(name, rule) for name, _, rule, _ in problems if name == "pg/a.c"] == \
        [("pg/a.c", "format")]


def test_the_program_names_the_place_and_fails(tree, monkeypatch, capsys):
    write(tree, "pg/a.c", HEAD + "int a; \n")
    monkeypatch.setattr(sys, "argv", ["tidy", str(tree)])

    with pytest.raises(SystemExit) as end:
        tidy.main()

    assert end.value.code == 1
    assert "pg/a.c:3: trailing_space: " in capsys.readouterr().out
