/* SPDX-License-Identifier: Apache-2.0 */
/* Asked for at a start and a reload only. */
#include "read/cache/operations.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

static uint32_t operations_add(struct cache_operations *operations, const char *name)
{
	char *copy = strdup(name);

	if (!copy)
		log_fatal("cache", "out of memory");
	operations->names[operations->count] = copy;
	return operations->count++;
}

void cache_operations_init(struct cache_operations *operations)
{
	operations->count = 0;
	(void)operations_add(operations, "other");
}

void cache_operations_fini(struct cache_operations *operations)
{
	for (uint32_t i = 0; i < operations->count; i++)
		free(operations->names[i]);
}

uint32_t cache_operations_number(struct cache_operations *operations, const char *name)
{
	for (uint32_t i = 1; i < operations->count; i++)
		if (strcmp(operations->names[i], name) == 0)
			return i;
	return operations->count < CACHE_OPERATIONS_MAX ? operations_add(operations, name) : 0;
}
