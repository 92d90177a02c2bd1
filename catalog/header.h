/* SPDX-License-Identifier: Apache-2.0 */
/* The line that begins an operation. */
#pragma once

#include "base/check.h"
#include "base/text.h"
#include "catalog/draft.h"

#include <stdbool.h>
#include <stddef.h>

/* ":many" */
const char *header_rows_text(enum cardinality rows) must_check;
/* Does a comment (without its dashes) begin an operation, or is it meant to? */
bool header_is(struct text comment) must_check;
/* Reads it; what is wrong is complained about, and the draft goes on with what could be read. */
void header_read(struct draft *draft, size_t comment_at, struct text comment);
