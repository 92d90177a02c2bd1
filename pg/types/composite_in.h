/* SPDX-License-Identifier: Apache-2.0 */
/* Objects on their way in, for a composite: for pg/types/types_in.c only. */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/json.h"
#include "pg/types/form.h"
#include "pg/types/value.h"

#include <stdbool.h>

/* object: a JSON object; a field that it lacks is NULL. out and why as type_from_json has them. */
bool composite_from_json(const struct type_form *form, const struct json *object,
			 value_reader *read, struct arena *arena, const char **out,
			 const char **why) must_check;
