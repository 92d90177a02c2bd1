/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the primary has said of the statements of one catalog: what a document is made of. It never
 * changes; facts that two of these have in common are there once. One thread at a time.
 */
#pragma once

#include "base/check.h"
#include "catalog/catalog.h"
#include "catalog/openapi/openapi.h"
#include "cmd/check_findings.h"

#include <stdbool.h>

struct known;

/*
 * Asks for the facts of all operations, but for those that before (NULL: none) has of the same
 * statement; holds the catalog. Blocks. NULL: the primary cannot be asked, or has stopped
 * answering, which is among the findings. So are operations that it refuses; they are no items.
 */
struct known *known_ask(struct catalog *catalog, const char *conninfo, const struct known *before,
			struct findings *findings) must_check;
/* The same without asking. NULL: facts of an operation are missing. */
struct known *known_without_asking(struct catalog *catalog, const struct known *before) must_check;
void known_free(struct known *known);
/* Whose statements these are. */
const struct catalog *known_catalog(const struct known *known);
/* Sorted by name. */
const struct openapi_item *known_items(const struct known *known, unsigned *count);
