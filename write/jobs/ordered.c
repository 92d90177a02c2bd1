/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of the key: rows do not last. */
#include "write/jobs/ordered.h"

#include <assert.h>
#include <string.h>

void ordered_reach(struct ordered_at *at, struct text key)
{
	assert(key.len <= JOB_ORDER_KEY_BYTES);
	at->begun = true;
	memcpy(at->key, key.ptr, key.len);
	at->key[key.len] = '\0';
}
