/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small numbers of operations, by which answers are counted: the same for a name as long as the
 * process lives, so that a reload changes nothing. Number 0 is of all names beyond those there is
 * room for. The main thread gives them.
 */
#pragma once

#include "base/check.h"

#include <stdint.h>

#define CACHE_OPERATIONS_MAX 256

/* What is kept of one; what was emptied counts until it has gone. */
struct cache_operation_counts {
	uint64_t entries, bytes; /* in whole blocks */
	uint64_t evicted;
};

struct cache_operations {
	uint32_t count; /* given, 0 included */
	char *names[CACHE_OPERATIONS_MAX];
};

void cache_operations_init(struct cache_operations *operations);
void cache_operations_fini(struct cache_operations *operations);
/* The number of that name, which gets one. */
uint32_t cache_operations_number(struct cache_operations *operations, const char *name) must_check;
