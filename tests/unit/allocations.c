/* SPDX-License-Identifier: Apache-2.0 */
/* In the place of the C library's, which are called by their other names. */
#include "allocations.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

_Atomic long allocations_in_use;
_Atomic unsigned allocations_made, allocation_fails_at;

#ifdef ALLOCATIONS_COUNTED
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *ptr, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *ptr);

static bool allocation_fails(void)
{
	return ++allocations_made == allocation_fails_at;
}

void *malloc(size_t size)
{
	if (allocation_fails())
		return NULL;
	allocations_in_use++;
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	if (allocation_fails())
		return NULL;
	allocations_in_use++;
	return __libc_calloc(count, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	if (allocation_fails())
		return NULL;
	allocations_in_use++;
	return __libc_memalign(alignment, size);
}

void *realloc(void *ptr, size_t size)
{
	if (allocation_fails())
		return NULL;
	allocations_in_use += !ptr;
	return __libc_realloc(ptr, size);
}

void free(void *ptr)
{
	allocations_in_use -= ptr != NULL;
	__libc_free(ptr);
}
#endif
