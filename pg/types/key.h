/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of a @lookup (pg/wire/lookup.h): values of which two are equal where their texts are, so
 * that a row is led to its callers by the text of its key column. That holds for integers, oid,
 * uuid, boolean, date, enums, and for text where no collation takes different texts for equal.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/statement.h"

#include <stdbool.h>
#include <stdint.h>

#define KEY_BYTES_MAX 256 /* a longer one is sent alone */

/* What a shape does not keep of the key column. */
struct key_column {
	uint32_t oid; /* as PostgreSQL told it; 0: there is no such column */
	bool is_enum;
};

/* Is what PostgreSQL told of a @lookup's parameter and column what it needs? NULL: yes. Else why
 * not, for its author, in the arena. */
const char *key_misfit(const struct statement *statement, const struct shape *shape,
		       struct key_column column, struct arena *arena) must_check;
/* Are texts of that type equal by a collation, which may take different ones for equal? */
bool key_is_collated(uint32_t oid) must_check;
/* Is a column of that type made of such keys? */
bool key_fits_column(struct pg_type element, uint32_t column_oid) must_check;
/* Is it one of these, without asking whether it is an enum? */
bool key_is_known(struct pg_type element) must_check;
/*
 * The text by which PostgreSQL will show that value of a type that key_misfit found nothing wrong
 * with. NULL: it is not known, or too long.
 */
const char *key_text(struct pg_type element, const char *value) must_check;
