/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL text on its way to a node, and what PostgreSQL said of its parameters and columns.
 * Opaque text to this folder: the catalog makes statements, pg/ sends them.
 * A statement is shared by all loops. Its number, text and declared types never change. The rest is
 * learned while it runs, each field atomic by itself: any loop may write it at any time, and none
 * waits for another.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/tag_set.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GENERATION_MAX 0x3fffffffu

/* A type as PostgreSQL describes it. */
struct pg_type {
	uint32_t oid;                 /* 0: not known */
	uint32_t element_oid;         /* of an array type: the type of its elements; otherwise 0 */
	const struct type_form *form; /* what is not built in (pg/types/form.h); NULL: no more */
};

/*
 * What PREPARE and Describe told; from shape_new to shape_free. What is prepared on a conn is of a
 * generation: a statement of another one is prepared anew there.
 */
struct shape {
	_Atomic uint32_t generation; /* unique in the process */
	uint16_t params, columns;
	uint32_t names_bytes;     /* of the columns' names, as an encoder counts; 0: not known */
	uint8_t session_state;    /* bits of pg/wire/session_state.h */
	int64_t since_us;         /* when a node first told it, of the loop's clock; 0: made here */
	struct shape *before;     /* what was published before; kept, calls may hold it */
	_Atomic uint32_t lacking; /* nodes, a bit each, whose catalogs do not fit it yet */
	_Atomic int64_t lacking_us;   /* when one of them was found last */
	struct pg_type *param_types;  /* [params] */
	struct pg_type *column_types; /* [columns] */
	bool int8_as_text;            /* of the statement: bigint leaves as a string */
	uint16_t key_column;          /* of a @lookup, from 1; 0: keys are not sent together */
	/* What its types are made of, where PostgreSQL was asked for that. */
	struct arena *forms;          /* their memory, ours; NULL: none */
	const char *forms_source;     /* what PostgreSQL answered, in forms; NULL: none */
	_Atomic int64_t forms_due_us; /* when it is asked again; SHAPE_FORMS_NEVER: not at all */
};

#define SHAPE_FORMS_NEVER INT64_MAX

/* Whether one execution answers identical calls that wait together. */
enum coalescing { COALESCING_UNLESS_VOLATILE, COALESCING_ALWAYS, COALESCING_NEVER };

/* What it may change of its session: anything; or, one of ours, no setting, role or lock. */
enum leavings { LEAVINGS_ANY, LEAVINGS_NONE };

/* How one of ours runs for several calls at once: pg/wire/together.h. */
struct statement_together {
	/* Its parameters are arrays of the other's, without NULLs at their end; it returns the
	 * same columns, a row for each. */
	struct statement *statement;
	/* Bits of parameters that are never NULL: where all have the same, one element is sent. */
	uint32_t shared;
	uint16_t param, column; /* from 1: the column shows the value, never NULL, of its call */
};

/* May answers of it be kept, and for whom? As PostgreSQL has said of a query with @cache. */
enum statement_cached { CACHED_UNKNOWN, CACHED_NEVER, CACHED_FOR_ALL, CACHED_BY_USER };

struct statement {
	uint32_t id;      /* unique in the process: names the prepared statement, "s<id>" */
	const char *name; /* of the operation, for logs and metrics */
	const char *text; /* with $1, $2, … */
	uint16_t params;
	uint16_t lookup; /* @lookup: the parameter, from 1, that is sent as an array; 0: none */
	const char *key; /* of a @lookup: the name of that parameter, and of its column; or NULL */
	bool drops_rows; /* it returns none to its client, so that columns need no names */
	bool int8_as_text; /* bigint leaves as a string: --int8, @int8 */
	/* Names of columns, [never_null_count]: a row with a NULL there is no answer
	 * (--check-not-null). */
	const struct text *never_null;
	unsigned never_null_count;
	enum leavings leavings;
	const struct statement_together
		*together;              /* with LEAVINGS_NONE alone; NULL: there is none */
	enum coalescing coalescing;     /* @coalesce */
	const char *const *param_types; /* [params] declared type names; NULL: ask PostgreSQL */

	/* What is learned of it; it changes until the statement ends. */
	_Atomic(struct shape *) shape;  /* NULL until described */
	_Atomic(struct tag_set *) tags; /* NULL: none were ever known */
	/* Of a query with @cache all that it reads, of a command all that it may write to; NULL, or
	 * without a version: not known. */
	_Atomic(struct tag_set *) relations;
	_Atomic uint8_t cached;      /* enum statement_cached */
	_Atomic uint32_t running_us; /* a running estimate of its time in the server */
	_Atomic uint32_t late_us;    /* of twenty, nineteen are answered sooner; 0: not known */
	/* of groups that it broke: pg/admission/quarantine.c */
	_Atomic uint32_t quarantine;
	/* runs for which it keeps its savepoint in groups: pg/admission/raises.c */
	_Atomic uint32_t raises;
	/* how far its renewals are paid for: pg/revalidation.c */
	_Atomic int64_t revalidations_us;
	/* what it may leave in its session: pg/wire/session_state.h */
	_Atomic uint8_t session_state;
	_Atomic bool revalidating;   /* a loop describes it anew */
	_Atomic bool repeats_column; /* when described last, two columns had one name */
	_Atomic uint8_t large; /* small results to come until its results are taken for small */
};

/* The next id, from 1 on; any thread. */
uint32_t statement_next_id(void);
/* Types as PostgreSQL numbers them. */
struct oids {
	const uint32_t *items; /* [count] */
	unsigned count;
};

/* One of our own, whose types are known beforehand: nothing is asked of PostgreSQL. Texts are
 * borrowed. */
void statement_make_known(struct statement *statement, const char *name, const char *text,
			  struct oids params, struct oids columns);
/* NULL: not described yet. Any thread; the shape lives as long as the statement. */
const struct shape *statement_shape(const struct statement *statement);
/* It has a shape, with composites, whose fields may change: now and then they are verified. */
static inline bool statement_may_change(const struct statement *statement)
{
	const struct shape *shape = atomic_load_explicit(&statement->shape, memory_order_acquire);

	return shape->forms_due_us != SHAPE_FORMS_NEVER;
}
/* Takes the shape; if another loop was first, frees it and keeps the first. */
void statement_set_shape(struct statement *statement, struct shape *shape);
/*
 * Takes what was described anew. Other types: it is published, and the one before is kept until
 * statement_fini. The same types: freed, and the published one is of its generation now.
 */
void statement_renew_shape(struct statement *statement, struct shape *shape);
/* The next generation, from 1 on; any thread. */
uint32_t statement_next_generation(void);
/* Of the published shape; 0: not described yet. */
uint32_t statement_generation(const struct statement *statement);
/* Memory for a shape with that many params and columns, cleared. */
struct shape *shape_new(unsigned params, unsigned columns) must_check;
/* NULL: nothing to free. */
void shape_free(struct shape *shape);
/* What it reads, by one thread (base/tag_set.h). */
void statement_set_tags(struct statement *statement, uint32_t version, const uint64_t *tags,
			size_t count);
void statement_set_relations(struct statement *statement, uint32_t version, const uint64_t *tags,
			     size_t count);
/* Frees what was published; the statement's own memory belongs to the catalog. */
void statement_fini(struct statement *statement);
