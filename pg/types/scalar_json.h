/* SPDX-License-Identifier: Apache-2.0 */
/* One JSON value that is no array to PostgreSQL's text form, and why not. */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/json.h"
#include "base/statement.h"

#include <stdbool.h>

/* out and why as type_from_json has them. */
bool scalar_from_json(struct pg_type type, const struct json *json, struct arena *arena,
		      const char **out, const char **why) must_check;
