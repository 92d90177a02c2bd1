/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One value that is no array, on its way in: what pg/types/scalar_json.c and
 * pg/types/scalar_text.c share. Only they and pg/types/types_array.c include it.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/json.h"
#include "base/statement.h"
#include "base/text.h"
#include "pg/types/types_table.h"

#include <stdbool.h>
#include <stdint.h>

/* Where it comes from does not matter here. */
struct scalar {
	struct pg_type type;
	enum type_kind kind;
	struct arena *arena;
	const char **out, **why;
};

/* Fill *out and answer true, or fill *why and answer false. */
bool scalar_integer(const struct scalar *scalar, int64_t value) must_check;
/* Takes the text as it is; true. */
bool scalar_take(const struct scalar *scalar, struct text text) must_check;
/* Fill *why; false. */
bool scalar_refuse(const struct scalar *scalar, enum json_kind kind) must_check;
bool scalar_refuse_text(const struct scalar *scalar, struct text text) must_check;
bool scalar_refuse_number(const struct scalar *scalar, struct text number) must_check;
bool scalar_refuse_range(const struct scalar *scalar) must_check;

/* "abc…" with its quotes, cut where a character ends. */
const char *quoted_text(struct text text, struct arena *arena) must_check;
/* "must be an array of text, not an object"; for why. */
const char *type_mismatch(struct pg_type type, enum json_kind kind, struct arena *arena) must_check;
/* The least and the greatest of the integer types; false: not one of them. */
bool integer_limits(enum type_kind kind, int64_t *least, int64_t *greatest) must_check;
/* May a number become this type, which has no range of its own? */
bool takes_numbers(enum type_kind kind) must_check;
/* False: the number is too large, or so small that it would become zero. */
bool float_fits(enum type_kind kind, const char *text) must_check;
