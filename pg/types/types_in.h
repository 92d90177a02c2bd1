/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values on their way in; shared by pg/types/types_in.c (JSON), pg/types/types_text.c (strings) and
 * pg/types/types_array.c only.
 */
#pragma once

#include "pg/types/types.h"
#include "pg/types/types_table.h"

/* Reads an array; out and why as type_from_json has them. */
bool array_from_json(struct pg_type type, const struct json *json, struct arena *arena,
		     const char **out, const char **why) must_check;
bool array_from_texts(struct pg_type type, const struct text *values, size_t count,
		      struct arena *arena, const char **out, const char **why) must_check;
/* Reads one value that is no array. */
bool scalar_from_json(struct pg_type type, const struct json *json, struct arena *arena,
		      const char **out, const char **why) must_check;
bool scalar_from_text(struct pg_type type, struct text text, struct arena *arena, const char **out,
		      const char **why) must_check;
/* "must be an array of text, not an object"; for why. */
const char *type_mismatch(struct pg_type type, enum json_kind kind, struct arena *arena) must_check;

/* One value that is no array. The functions below fill *out, or fill *why and answer false. */
struct scalar {
	struct pg_type type;
	enum type_kind kind;
	struct arena *arena;
	const char **out, **why;
};

bool scalar_integer(const struct scalar *scalar, int64_t value) must_check;
/* Of any kind but json. */
bool scalar_text(const struct scalar *scalar, struct text text) must_check;
/* Takes the text as it is; true. */
bool scalar_take(const struct scalar *scalar, struct text text) must_check;
bool scalar_refuse_text(const struct scalar *scalar, struct text text) must_check;
bool scalar_refuse_range(const struct scalar *scalar) must_check;
/* False: the number is too large, or so small that it would become zero. */
bool float_fits(enum type_kind kind, const char *text) must_check;
