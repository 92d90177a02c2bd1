/* SPDX-License-Identifier: Apache-2.0 */
/* A string that stands for one value that is no array: its syntax. */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/statement.h"
#include "base/text.h"
#include "pg/types/scalar.h"

#include <stdbool.h>

/* out and why as type_from_texts has them. */
bool scalar_from_text(struct pg_type type, struct text text, struct arena *arena, const char **out,
		      const char **why) must_check;
/* Of any kind but json. */
bool scalar_text(const struct scalar *scalar, struct text text) must_check;
