/* SPDX-License-Identifier: Apache-2.0 */
/* Results of the keys verb: for people as text, for machines a JSON object per line, on stdout. */
#pragma once

#include "base/check.h"
#include "cmd/keys_work.h"

#include <stdbool.h>

/* create, rotate: the key itself, and on stderr what it is. False: it could not be printed. */
bool keys_print_made(const struct keys_work *work) must_check;
bool keys_print_list(const struct keys_work *work) must_check;
bool keys_print_revoked(const struct keys_work *work) must_check;
