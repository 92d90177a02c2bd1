/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name=value pairs of a request target, strictly: every % is followed by two hex digits, the result
 * is UTF-8 without NUL. + is a space, as HTML forms and most clients write it.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/request.h"

/* NULL: pairs and count are filled, in the arena. Otherwise the sentence for the 400. */
const char *query_string_read(struct text query, struct arena *arena, struct pair **pairs,
			      size_t *count) must_check;
/* Decodes into the arena, NUL-terminated; false: malformed, not UTF-8, or a NUL. */
bool percent_decode(struct text text, bool plus_is_space, struct arena *arena,
		    struct text *out) must_check;
