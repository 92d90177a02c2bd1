/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays on their way in: PostgreSQL's array literals. */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/json.h"
#include "base/statement.h"
#include "base/text.h"
#include "pg/types/value.h"

#include <stdbool.h>
#include <stddef.h>

/* out and why as type_from_json has them. */
bool array_from_json(struct pg_type type, const struct json *json, value_reader *read,
		     struct arena *arena, const char **out, const char **why) must_check;
struct array_texts {
	const struct text *values;
	size_t count;
};
bool array_from_texts(struct pg_type type, struct array_texts texts, text_reader *read,
		      struct arena *arena, const char **out, const char **why) must_check;
