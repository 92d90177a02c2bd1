/* SPDX-License-Identifier: Apache-2.0 */
/* How parts of a value are written and read, for what is made of parts and knows only itself. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/statement.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* As type_to_json, type_from_json and type_from_text of pg/types/types.h. */
typedef bool value_writer(struct buf *out, struct pg_type type, const char *ptr, size_t len);
typedef bool value_reader(struct pg_type type, const struct json *json, struct arena *arena,
			  const char **out, const char **why);
typedef bool text_reader(struct pg_type type, struct text text, struct arena *arena,
			 const char **out, const char **why);
