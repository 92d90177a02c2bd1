/* SPDX-License-Identifier: Apache-2.0 */
/* hstore, which is an object of strings and nulls to a client. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>

/* False: not what hstore writes, and what was appended is of no use. */
bool hstore_to_json(struct buf *out, const char *ptr, size_t len) must_check;
/* object: a JSON object. out and why as type_from_json has them. */
bool hstore_from_json(const struct json *object, struct arena *arena, const char **out,
		      const char **why) must_check;
