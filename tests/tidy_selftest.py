# SPDX-License-Identifier: Apache-2.0
"""A rule must be able to fail: each one is shown what it forbids, and a tree it must not mind."""

import importlib.machinery
import importlib.util
import os
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
    ("file_length", "pg/a.c", HEAD + "int a;\n" * 599, 601),
    ("function_length", "pg/a.c", HEAD + "int a(void)\n{\n" + "\tb();\n" * 61 + "}\n", 4),
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
    ("include_direction", "http/head/a.c", HEAD + '#include "http/connection.h"\n', 3),
    ("include_direction", "http/socket/a.c", HEAD + '#include "http/head/head.h"\n', 3),
    ("include_direction", "pg/admission/a.c", HEAD + '#include "pg/pool.h"\n', 3),
    ("include_direction", "pg/admission/a.c", HEAD + '#include "pg/wire/conn.h"\n', 3),
    ("include_direction", "pg/types/a.c", HEAD + '#include "pg/call.h"\n', 3),
    ("include_direction", "read/a.c", HEAD + '#include "pg/wire/conn.h"\n', 3),
    ("include_direction", "router/health/a.c", HEAD + '#include "router/hedge.h"\n', 3),
    ("include_direction", "router/cluster/a.c",
     HEAD + '#include "router/consistency/token.h"\n', 3),
    ("include_direction", "http/a.c", HEAD + '#include "router/cluster/topology.h"\n', 3),
    ("private_header", "pg/wire/a.c", HEAD + '#include "pg/inside.h"\n', 3),
    ("private_header", "router/a.c", HEAD + '#include "router/cluster/private.h"\n', 3),
    ("include_direction", "router/a.c", HEAD + '#include "read/read.h"\n', 3),
    ("private_header", "cmd/a.c", HEAD + '#include "pg/wire/conn_private.h"\n', 3),
    ("bools", "pg/a.h", HEAD + "struct a {\n\tbool a, b; /* c */\n\tbool c;\n\tbool d;\n"
     "\tunsigned e : 1;\n};\n", 3),
    ("bools", "read/a.c", HEAD + "struct a {\n\tstruct {\n\t\tbool a, b, c;\n\t} in;\n"
     "\tatomic_bool d, e;\n};\n", 3),
    ("word", "pg/lagring.c", HEAD, 1),
    ("word", "router/a.c", HEAD + "int nudge_it;\n", 3),
    ("word", "router/a.c", HEAD + "int x = OVER_CUTOFF;\n", 3),
    ("word", "router/cluster/a.h", HEAD + "struct rate;\n", 3),
    ("word", "read/a.c", HEAD + "bool left_at;\n", 3),
    ("word", "pg/wire/a.c", HEAD + "int held_us;\n", 3),
    ("word", "pg/admission/a.c", HEAD + "int limit;\n", 3),
    ("word", "router/cluster/a.c", HEAD + "void x_look(void);\n", 3),
    ("word", "http/caller.h", HEAD, 1),
    ("comment", "router/a.c", HEAD + "/* After the next look. */\n", 3),
    ("comment", "pg/a.h", HEAD + "int a;\n/* b\n * c nobody\n * knows */\n", 4),
    ("comment", "base/a.c", HEAD + "/* What it is\n * told. */\n", 3),
    ("comment", "base/a.c", HEAD + "int a; /* no cutoff */\n", 3),
    ("door", "router/a.c", HEAD + "#include <microhttpd.h>\n", 3),
    ("door", "router/a.c", HEAD + "#include <libpq-fe.h>\n", 3),
    ("door", "base/a.c", HEAD + "#include <postgresql/libpq-fe.h>\n", 3),
    ("door", "http/a.c", HEAD + "#include <openssl/evp.h>\n", 3),
    ("door", "pg/a.c", HEAD + "# include <openssl/evp.h>\n", 3),
    ("door", "base/loop.c", HEAD + "#include <ck_ring.h>\n", 3),
    ("door", "router/consistency/token.c", HEAD + "#include <openssl/hmac.h>\n", 3),
    ("door", "base/log.c", HEAD + "#include <systemd/sd-daemon.h>\n", 3),
    ("door", "http/reply.c", HEAD + "#include <zlib.h>\n", 3),
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
    "base/mailbox.c": HEAD + "#include <ck_ring.h>\n",
    "base/clock.c": HEAD + "static void f(void)\n{\n\tclock_gettime(0, 0);\n}\n",
    "base/names.def": "ROW(" + "x" * 200 + ")\n",
    "pg/pool.c": HEAD + '#include "base/own.h"\n\n#include <libpq-fe.h>\n',
    "pg/words.c": HEAD + "/* system(), sleep(1) and strcpy() */\n"
                  'static const char *a = "sprintf(";\n'
                  "static void g(void)\n{\n\tmy_system(1);\n\tx->sleep(1);\n\tx.time(1);\n}\n",
    "pg/long.c": HEAD + "int a(void)\n{\n" + "\tb();\n" * 60 + "}\n",
    "read/read.c": HEAD + '#include "read/query.h"\n#include "router/task.h"\n',
    "router/consistency/sessions.c": HEAD + '#include "router/cluster/topology.h"\n'
                                     "\n#include <ck_pr.h>\n",
    "router/health/health.c": HEAD + "struct health {\n\tbool a, b, c, d;\n\tunsigned e : 2;\n};\n"
                              "int replay_rate(void);\nint limit_of_cut;\n"
                              "/* looks at \"a\" */\nstatic const char *a = \"the look\";\n",
    "pg/words_kept.c": HEAD + "int wait_us_left, lag_poll_us, lingers;\nvoid poll(void);\n",
    "router/ratelimit.c": HEAD + "struct rate_policy *rate;\nint left, limit, held, caller;\n",
    "pg/inside.h": HEAD + "#pragma once\n",
    "pg/cancel.c": HEAD + '#include "pg/inside.h"\n#include "pg/wire/conn.h"\n',
    "pg/wire/conn.c": HEAD + '#include "base/own.h"\n#include "pg/call.h"\n',
    "read/cache/fill.c": HEAD + "#include <ck_ht.h>\n",
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


ABOVE = "#pragma once\n\nint %s(void);\n"

# Rule, the files, where it is found.
BAD_TREES = [
    # By includes alone; by a call; by a function in a table, whose own header nobody includes.
    ("circle", {"pg/a.h": HEAD + '#include "pg/b.h"\n', "pg/b.h": HEAD + '#include "pg/a.h"\n'},
     [("pg/a.h", 1)]),
    ("circle", {"pg/a.c": HEAD + '#include "pg/b.h"\n\nint a_one(void)\n{\n\treturn 1;\n}\n',
                "pg/b.h": HEAD + ABOVE % "b_two",
                "pg/b.c": HEAD + '#include "pg/b.h"\n\nint a_one(void);\n'
                          "int b_two(void)\n{\n\treturn a_one();\n}\n"},
     [("pg/a.c", 1)]),
    ("circle", {"read/a.c": HEAD + '#include "read/b.h"\n\nint a_step(void)\n{\n\treturn 1;\n}\n',
                "read/b.h": HEAD + ABOVE % "a_step",
                "read/b.c": HEAD + '#include "read/b.h"\n\nstatic int (*const steps[])(void) = {\n'
                            "\ta_step,\n};\n"},
     [("read/a.c", 1)]),
    ("circle", {"base/a.c": HEAD + "extern const int b_table[];\nint a_sum(void)\n{\n"
                            "\treturn b_table[0];\n}\n",
                "base/b.c": HEAD + "int a_sum(void);\nconst int b_table[] = { 1 };\n"
                            "int b_sum(void)\n{\n\treturn a_sum();\n}\n"},
     [("base/a.c", 1)]),
    ("name", {"read/a.c": HEAD + "static int a_one(void)\n{\n\treturn 1;\n}\n",
              "write/a.c": HEAD + "static int a_one(void)\n{\n\treturn 2;\n}\n"},
     [("write/a.c", 3)]),
    ("name", {"pg/a.h": HEAD + "struct twice {\n\tint a;\n};\n",
              "pg/wire/a.h": HEAD + "struct twice {\n\tint a;\n};\n"},
     [("pg/wire/a.h", 3)]),
]

GOOD_TREES = [
    # A member, a local function and a comment are no calls.
    {"pg/a.c": HEAD + '#include "pg/b.h"\n\nint a_one(void)\n{\n\treturn 1;\n}\n',
     "pg/b.h": HEAD + ABOVE % "b_two",
     "pg/b.c": HEAD + '#include "pg/b.h"\n\n/* a_one() */\nint b_two(void)\n{\n'
               "\treturn x->a_one(1) + y.a_one;\n}\n"},
    # A table that has the name of a file is no part of it.
    {"pg/a.h": HEAD + '#include "pg/b.h"\n',
     "pg/b.h": HEAD + '#include "pg/a.def"\n'},
    {"pg/a.c": HEAD + "static int a_one(void)\n{\n\treturn 1;\n}\n",
     "pg/b.c": HEAD + "static int a_one(void)\n{\n\treturn 2;\n}\n"},
]


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


@pytest.mark.parametrize("rule, files, places", BAD_TREES,
                         ids=[f"{bad[0]}:{min(bad[1])}" for bad in BAD_TREES])
def test_a_rule_of_the_whole_finds_what_it_forbids(tree, rule, files, places):
    for name, text in files.items():
        write(tree, name, text)

    problems, _ = tidy.check(tree)

    assert [(found[0], found[1], found[2]) for found in problems] == \
        [(name, line, rule) for name, line in places]


@pytest.mark.parametrize("files", GOOD_TREES)
def test_a_tree_without_a_circle_has_no_problem(tree, files):
    for name, text in files.items():
        write(tree, name, text)

    assert tidy.check(tree)[0] == []


def test_every_rule_has_an_example_that_breaks_it():
    assert {bad[0] for bad in BAD} == set(tidy.RULES)
    assert {bad[0] for bad in BAD_TREES} == set(tidy.WHOLE_RULES)


def allow(tree, rule, file, message):
    write(tree, "tests/tidy_allowed.py", f"ALLOWED = {{ {rule!r}: [({file!r}, {message!r})] }}\n")


def test_what_is_on_the_list_is_allowed_up_to_its_number(tree):
    write(tree, "pg/a.c", HEAD + "int a;\n" * 618)
    allow(tree, "file_length", "pg/a.c", "620 lines, at most 600")
    assert tidy.check(tree)[0] == []

    write(tree, "pg/a.c", HEAD + "int a;\n" * 619)
    assert [found[2] for found in tidy.check(tree)[0]] == ["file_length"]


def test_what_is_on_the_list_for_nothing_is_a_problem(tree):
    allow(tree, "file_length", "pg/a.c", "620 lines, at most 600")

    assert [(found[0], found[2]) for found in tidy.check(tree)[0]] == \
        [("tests/tidy_allowed.py", "allowed")]


@pytest.mark.skipif(tidy.clang_format_version() != tidy.CLANG_FORMAT_VERSION,
                    reason="the clang-format that judges is not installed")
def test_a_file_that_clang_format_would_change_is_named_once(tree):
    write(tree, ".clang-format", (HERE.parent / ".clang-format").read_text(encoding="utf-8"))
    write(tree, "pg/a.c", HEAD + "int  a;\nint  b;\n")

    problems, _ = tidy.check(tree)

    assert [(name, rule) for name, _, rule, _ in problems if name == "pg/a.c"] == \
        [("pg/a.c", "format")]


@pytest.mark.parametrize("version", [11, 13, 19])
def test_another_clang_format_judges_nothing_and_a_line_says_so(tree, monkeypatch, tmp_path, capsys,
                                                                version):
    write(tree, ".clang-format", "BasedOnStyle: LLVM\n")
    write(tree, "pg/a.c", HEAD + "int a;\n")
    other = tmp_path / "bin" / "clang-format"
    other.parent.mkdir()
    other.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "clang-format version {version}.0"'
                     ' || { echo "pg/a.c:2:1: error: otherwise" >&2; exit 1; }\n',
                     encoding="utf-8")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", f"{other.parent}:{os.environ['PATH']}")

    problems, _ = tidy.check(tree)

    assert [problem for problem in problems if problem[2] == "format"] == []
    assert f"clang-format {version} " in capsys.readouterr().out


def test_the_program_names_the_place_and_fails(tree, monkeypatch, capsys):
    write(tree, "pg/a.c", HEAD + "int a; \n")
    monkeypatch.setattr(sys, "argv", ["tidy", str(tree)])

    with pytest.raises(SystemExit) as end:
        tidy.main()

    assert end.value.code == 1
    assert "pg/a.c:3: trailing_space: " in capsys.readouterr().out
