/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What PostgreSQL knows of one operation's statement, as the JSON that the block of
 * cmd/openapi_facts.c answers: its tree, and of what is named there what a document and a proof
 * need.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/json.h"
#include "base/text.h"
#include "catalog/openapi/node_tree.h"

#include <stdbool.h>
#include <stdint.h>

/* Of PostgreSQL's own functions and aggregates, what is known of their results. */
enum facts_class {
	FACTS_UNKNOWN,
	FACTS_ALWAYS,  /* never NULL */
	FACTS_STRICT,  /* strict; NULL of a NULL argument only */
	FACTS_COUNT,   /* an aggregate that is never NULL: count */
	FACTS_GROUP,   /* an aggregate that is NULL of no values only: sum */
	FACTS_GATHERS, /* an aggregate that is NULL of no rows only: array_agg */
	FACTS_WINDOW,  /* a window function that is never NULL: row_number */
	FACTS_ROWS,    /* returns a set, without NULLs in it: generate_series */
};

struct facts_relation {
	uint32_t oid;
	const struct json *not_null;  /* numbers of columns */
	const struct node_tree *view; /* of a view: its tree; NULL: it is none */
	bool is_plain;                /* a table without rules: its rows are those of commands */
};

struct facts {
	struct json *json;
	const struct node_tree *query; /* NULL: PostgreSQL does not show it */
	const struct json *types;
	const struct facts_relation *relations;
	unsigned relations_count;
	const struct json *functions;
	const struct json *safe_casts;
};

/* False: text is no such answer. What it gives lives until facts_fini, and in the arena. */
bool facts_read(struct facts *facts, struct text text, struct arena *arena) must_check;
void facts_fini(struct facts *facts);

/* A whole number; 0: it is none. */
int64_t facts_number(const struct json *json) must_check;
/* A type by its oid; NULL: not known. */
const struct json *facts_type(const struct facts *facts, int64_t oid);
enum facts_class facts_function(const struct facts *facts, int64_t oid) must_check;
/* NULL: nothing is known of it. */
const struct facts_relation *facts_relation(const struct facts *facts, int64_t oid);
bool facts_is_not_null(const struct facts_relation *relation, int64_t column) must_check;
/* Is what its input function reads of a text never NULL? */
bool facts_cast_is_safe(const struct facts *facts, int64_t type_oid) must_check;
