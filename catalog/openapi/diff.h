/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changed between two OpenAPI documents, operation by operation: what breaks a client that was
 * made for the old one, and what does not (the table of docs/openapi.md).
 */
#pragma once

#include "base/check.h"
#include "catalog/openapi/diff_lines.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Compares; the lines are diff->lines, sorted by name. Both documents are borrowed until diff_fini.
 * False: one of them is no OpenAPI 3 document, or cannot be followed, which error says. diff_fini
 * is due in either case.
 */
bool diff_documents(struct diff *diff, const struct json *old, const struct json *new, char *error,
		    size_t error_room) must_check;
void diff_fini(struct diff *diff);
/* How many lines break. */
size_t diff_breaking(const struct diff *diff) must_check;
