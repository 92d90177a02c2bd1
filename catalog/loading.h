/* SPDX-License-Identifier: Apache-2.0 */
/* A catalog while it is loaded: operations as they are found, file by file. Only for catalog/. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/text.h"
#include "catalog/catalog.h"
#include "catalog/source.h"

struct loading {
	struct arena arena; /* becomes the catalog's */
	struct buf notes;
	struct complaints complaints;
	struct operation *operations; /* in the order of files and lines */
	unsigned count, room;
};

/* NULL: there is none of that name. */
struct operation *loading_find(const struct loading *loading, struct text name) must_check;

/* Reads the operations of one file. Borrows bytes for the call, name for the catalog's life. */
void file_read(struct loading *loading, const char *name, struct text bytes);
