/* SPDX-License-Identifier: Apache-2.0 */
/* One trim at a time in all loops together, and none soon after another. */
#include "http/memory_trim.h"

#include "base/limits.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>

static bool memory_trim_may(int64_t now_us)
{
	static _Atomic int64_t trimmed_us;
	int64_t last_us = atomic_load(&trimmed_us);

	return (!last_us || now_us - last_us >= HTTP_TRIM_PAUSE_US) &&
	       atomic_compare_exchange_strong(&trimmed_us, &last_us, now_us);
}

void memory_trim(size_t *peak, size_t count, int64_t now_us)
{
	if (count > *peak)
		*peak = count;
	if (*peak < 2 * count + HTTP_TRIM_CONNECTIONS || !memory_trim_may(now_us))
		return;
	*peak = count;
	(void)malloc_trim(0);
}
