/* SPDX-License-Identifier: Apache-2.0 */
/* Statements are shared by all loops: only their shape is published late, by one exchange. */
#include "base/statement.h"

#include "base/log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

uint32_t statement_next_id(void)
{
	static _Atomic uint32_t last;

	return atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
}

const struct shape *statement_shape(const struct statement *statement)
{
	return atomic_load_explicit(&statement->shape, memory_order_acquire);
}

void statement_set_shape(struct statement *statement, struct shape *shape)
{
	struct shape *none = NULL;

	assert(shape);
	if (!shape->generation)
		shape->generation = statement_next_generation();
	atomic_store_explicit(&statement->session_state, shape->session_state,
			      memory_order_relaxed);
	if (!atomic_compare_exchange_strong_explicit(&statement->shape, &none, shape,
						     memory_order_acq_rel, memory_order_acquire))
		shape_free(shape);
}

static bool shape_same_types(const struct pg_type *a, const struct pg_type *b, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (a[i].oid != b[i].oid || a[i].element_oid != b[i].element_oid)
			return false;
	return true;
}

static bool shape_same_forms(const struct shape *a, const struct shape *b)
{
	if (!a->forms_source || !b->forms_source)
		return a->forms_source == b->forms_source;
	return strcmp(a->forms_source, b->forms_source) == 0;
}

static bool shape_same(const struct shape *a, const struct shape *b)
{
	return a->params == b->params && a->columns == b->columns &&
	       a->names_bytes == b->names_bytes && a->key_column == b->key_column &&
	       shape_same_types(a->param_types, b->param_types, a->params) &&
	       shape_same_types(a->column_types, b->column_types, a->columns) &&
	       shape_same_forms(a, b);
}

void statement_renew_shape(struct statement *statement, struct shape *shape)
{
	struct shape *before = atomic_load_explicit(&statement->shape, memory_order_acquire);

	assert(shape);
	assert(shape->generation);
	atomic_store_explicit(&statement->session_state, shape->session_state,
			      memory_order_relaxed);
	do {
		if (before && shape_same(before, shape)) {
			atomic_store_explicit(&before->generation, shape->generation,
					      memory_order_release);
			shape_free(shape);
			return;
		}
		shape->before = before;
	} while (!atomic_compare_exchange_strong_explicit(
		&statement->shape, &before, shape, memory_order_acq_rel, memory_order_acquire));
}

uint32_t statement_next_generation(void)
{
	static _Atomic uint32_t last;

	return (atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1) & GENERATION_MAX;
}

uint32_t statement_generation(const struct statement *statement)
{
	const struct shape *shape = statement_shape(statement);

	return shape ? atomic_load_explicit(&shape->generation, memory_order_acquire) : 0;
}

struct shape *shape_new(unsigned params, unsigned columns)
{
	struct shape *shape;

	assert(params <= UINT16_MAX);
	assert(columns <= UINT16_MAX);
	shape = calloc(1, sizeof(*shape) + (params + columns) * sizeof(struct pg_type));
	if (!shape)
		log_fatal("statement", "out of memory");
	shape->params = (uint16_t)params;
	shape->columns = (uint16_t)columns;
	shape->param_types = (struct pg_type *)(shape + 1);
	shape->column_types = shape->param_types + params;
	shape->forms_due_us = SHAPE_FORMS_NEVER;
	return shape;
}

void shape_free(struct shape *shape)
{
	if (shape && shape->forms) {
		arena_fini(shape->forms);
		free(shape->forms);
	}
	free(shape);
}

static void statement_set_types(struct pg_type *types, struct oids known)
{
	for (unsigned i = 0; i < known.count; i++)
		types[i].oid = known.items[i];
}

void statement_make_known(struct statement *statement, const char *name, const char *text,
			  struct oids params, struct oids columns)
{
	struct shape *shape = shape_new(params.count, columns.count);

	statement->id = statement_next_id();
	statement->name = name;
	statement->text = text;
	statement->params = (uint16_t)params.count;
	statement_set_types(shape->param_types, params);
	statement_set_types(shape->column_types, columns);
	statement_set_shape(statement, shape);
}

static void statement_publish_tags(_Atomic(struct tag_set *) *published, uint32_t version,
				   const uint64_t *tags, size_t count)
{
	struct tag_set *set = atomic_load_explicit(published, memory_order_relaxed);

	if (!set && !version)
		return;
	if (!set)
		set = calloc(1, sizeof(*set));
	if (!set)
		log_fatal("statement", "out of memory");
	tag_set_write(set, version, tags, count);
	atomic_store_explicit(published, set, memory_order_release);
}

void statement_set_tags(struct statement *statement, uint32_t version, const uint64_t *tags,
			size_t count)
{
	statement_publish_tags(&statement->tags, version, tags, count);
}

void statement_set_relations(struct statement *statement, uint32_t version, const uint64_t *tags,
			     size_t count)
{
	statement_publish_tags(&statement->relations, version, tags, count);
}

void statement_fini(struct statement *statement)
{
	struct shape *shape =
		atomic_exchange_explicit(&statement->shape, NULL, memory_order_acq_rel);

	while (shape) {
		struct shape *before = shape->before;

		shape_free(shape);
		shape = before;
	}
	free(atomic_exchange_explicit(&statement->tags, NULL, memory_order_acq_rel));
	free(atomic_exchange_explicit(&statement->relations, NULL, memory_order_acq_rel));
}
