/* SPDX-License-Identifier: Apache-2.0 */
/* One moment per statement: until when its renewals are paid for (GCRA, base/gcra.h). */
#include "pg/revalidation.h"

#include "base/limits.h"

#include <assert.h>
#include <stdatomic.h>

bool revalidation_pay(struct statement *statement, int64_t now_us)
{
	int64_t paid_us = atomic_load_explicit(&statement->revalidations_us, memory_order_relaxed);
	int64_t next_us;

	do {
		next_us = (paid_us > now_us ? paid_us : now_us) + REVALIDATION_EVERY_US;
		if (next_us - now_us > (int64_t)REVALIDATION_BURST * REVALIDATION_EVERY_US)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&statement->revalidations_us, &paid_us,
							next_us, memory_order_relaxed,
							memory_order_relaxed));
	return true;
}

bool revalidation_begin(struct statement *statement, int64_t now_us)
{
	if (atomic_exchange_explicit(&statement->revalidating, true, memory_order_acquire))
		return false;
	if (revalidation_pay(statement, now_us))
		return true;
	revalidation_end(statement);
	return false;
}

/* Of those who saw that it is due, one. */
static bool revalidation_verify(struct statement *statement, struct shape *shape, int64_t due_us,
				int64_t next_us)
{
	if (atomic_compare_exchange_strong_explicit(&shape->forms_due_us, &due_us, next_us,
						    memory_order_relaxed, memory_order_relaxed))
		return true;
	revalidation_end(statement);
	return false;
}

bool revalidation_begin_verifying(struct statement *statement, int64_t now_us)
{
	struct shape *shape = atomic_load_explicit(&statement->shape, memory_order_acquire);
	int64_t due_us = atomic_load_explicit(&shape->forms_due_us, memory_order_relaxed);

	return now_us >= due_us &&
	       !atomic_exchange_explicit(&statement->revalidating, true, memory_order_acquire) &&
	       revalidation_verify(statement, shape, due_us, now_us + FORMS_EVERY_US);
}

void revalidation_end(struct statement *statement)
{
	bool was = atomic_exchange_explicit(&statement->revalidating, false, memory_order_release);

	assert(was);
}

bool revalidation_is_on(const struct statement *statement)
{
	return atomic_load_explicit(&statement->revalidating, memory_order_acquire);
}
