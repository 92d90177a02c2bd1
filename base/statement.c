/* SPDX-License-Identifier: Apache-2.0 */
/* Statements are shared by all loops: only their shape is published late, once, by one exchange. */
#include "base/statement.h"

#include "base/log.h"

#include <assert.h>
#include <stdlib.h>

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
	if (!atomic_compare_exchange_strong_explicit(&statement->shape, &none, shape,
						     memory_order_acq_rel, memory_order_acquire))
		free(shape);
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
	return shape;
}

void statement_fini(struct statement *statement)
{
	free(atomic_exchange_explicit(&statement->shape, NULL, memory_order_acq_rel));
}
