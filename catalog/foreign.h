/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headers of other tools whose SQL files look much like ours, so that who brings such a file is
 * answered with the header to write (docs/coming-from.md):
 *
 *   sqlc              -- name: GetAuthor :one
 *   PgTyped           slash-star @name GetAuthor star-slash
 *   aiosql, yesql     -- name: get-author^
 *   HugSQL, PugSQL    -- :name get-author :? :1
 */
#pragma once

#include "base/check.h"
#include "base/text.h"
#include "catalog/catalog.h"
#include "catalog/draft.h"

#include <stdbool.h>
#include <stddef.h>

struct foreign {
	const char *tool;
	struct cut at;    /* the header in the comment */
	struct text name; /* as written, without the signs behind it */
	int rows;         /* enum cardinality; -1: it follows from the statement */
	bool writes;      /* the header says so; false: it follows from the statement */
};

/*
 * Is the comment (what stands between its marks, and where) such a header? after: the byte behind
 * it. bare: it may also be one that is nothing but "name: WORD", if a statement follows it.
 */
bool foreign_is(const struct source *source, struct cut comment, size_t after, bool bare,
		struct foreign *foreign) must_check;
/*
 * Complains, with the header to write, and the draft goes on as if that stood there: what else is
 * wrong with the operation is complained about, too. after: as above.
 */
void foreign_read(struct draft *draft, const struct foreign *foreign, size_t after);
