/* SPDX-License-Identifier: Apache-2.0 */
/* The names are sorted, as PostgreSQL allows 1664 of them. */
#include "pg/wire/repeated_column.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *repeated_column(const PGresult *result)
{
	size_t count = (size_t)PQnfields(result);
	const char **names = malloc((count + 1) * sizeof(*names));
	const char *found = NULL;

	assert(names);
	for (size_t i = 0; i < count; i++)
		names[i] = PQfname(result, (int)i);
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 1; i < count && !found; i++)
		if (strcmp(names[i - 1], names[i]) == 0)
			found = names[i];
	free(names);
	return found;
}

struct pg_error repeated_column_error(const char *name, struct arena *arena)
{
	return (struct pg_error){
		.sqlstate = "42701", /* duplicate_column */
		.ours = true,
		.of_catalog = true,
		.message = arena_printf(arena,
					"two of its columns are named \"%s\", of which a client "
					"would keep one: give each a name of its own (AS)",
					name),
	};
}
