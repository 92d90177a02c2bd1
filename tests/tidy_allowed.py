# SPDX-License-Identifier: Apache-2.0
"""What may still break a rule of tests/tidy: (file, message). This list only shrinks: what is on it
for nothing fails as well, and a number may become less, not more."""

ALLOWED = {
    "bools": [
    ],
    "circle": [
    ],
    "file_length": [
    ],
    "function_length": [
    ],
    "include_direction": [
    ],
    "name": [
    ],
    "private_header": [
    ],
}
