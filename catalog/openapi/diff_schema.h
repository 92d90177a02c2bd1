/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How two JSON Schemas differ, for whom: a client that sends may do less than before where the new
 * one allows less; a client that receives meets what it does not know where it allows more.
 */
#pragma once

#include "base/check.h"
#include "base/json.h"
#include "catalog/openapi/diff_lines.h"

#include <stdbool.h>

enum diff_way { DIFF_SENT, DIFF_RECEIVED };

/* Of each is said "WHAT …". */
void diff_schemas(struct diff *diff, enum diff_way way, const char *what, const struct json *old,
		  const struct json *new);
/* A parameter or a header that both have: is it required, what is its default, its schema. */
void diff_sent(struct diff *diff, const char *what, const struct json *schemas[2],
	       const bool required[2]);
/* A request's body: its members are parameters. */
void diff_body_schemas(struct diff *diff, const struct json *old, const struct json *new);
/* An answer: its "data" is rows, whose members are columns. */
void diff_answer_schemas(struct diff *diff, const struct json *old, const struct json *new);
/* The values that a member of an object may have, by "enum"; NULL: not said. */
const struct json *diff_labels(struct diff *diff, enum diff_side side, const struct json *schema,
			       const char *member);
