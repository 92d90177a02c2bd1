# SPDX-License-Identifier: Apache-2.0
"""What may still break a rule of tests/tidy: (file, message). This list only shrinks: what is on it
for nothing fails as well, and a number may become less, not more."""

ALLOWED = {
    "bools": [
    ],
    "circle": [
    ],
    "file_length": [
        ("tests/unit/fake_libpq.c", "717 lines, at most 600"),
        ("tests/unit/test_answer.c", "636 lines, at most 600"),
        ("tests/unit/test_choose.c", "639 lines, at most 600"),
        ("tests/unit/test_group.c", "793 lines, at most 600"),
        ("tests/unit/test_steps_query.c", "794 lines, at most 600"),
    ],
    "function_length": [
        ("tests/unit/test_params.c", "a function of 62 lines, at most 60"),
    ],
    "include_direction": [
    ],
    "name": [
    ],
    "private_header": [
    ],
}
