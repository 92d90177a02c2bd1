/* SPDX-License-Identifier: Apache-2.0 */
/* One moment per statement: until when its renewals are paid for (GCRA, base/gcra.h). */
#include "pg/renewal.h"

#include "base/limits.h"

#include <assert.h>
#include <stdatomic.h>

bool renewal_pay(struct statement *statement, int64_t now_us)
{
	int64_t paid_us = atomic_load_explicit(&statement->renewals_us, memory_order_relaxed);
	int64_t next_us;

	do {
		next_us = (paid_us > now_us ? paid_us : now_us) + RENEWAL_EVERY_US;
		if (next_us - now_us > (int64_t)RENEWAL_BURST * RENEWAL_EVERY_US)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&statement->renewals_us, &paid_us, next_us,
							memory_order_relaxed,
							memory_order_relaxed));
	return true;
}

bool renewal_begin(struct statement *statement, int64_t now_us)
{
	if (atomic_exchange_explicit(&statement->renewing, true, memory_order_acquire))
		return false;
	if (renewal_pay(statement, now_us))
		return true;
	renewal_end(statement);
	return false;
}

void renewal_end(struct statement *statement)
{
	bool was = atomic_exchange_explicit(&statement->renewing, false, memory_order_release);

	assert(was);
}

bool renewal_is_on(const struct statement *statement)
{
	return atomic_load_explicit(&statement->renewing, memory_order_acquire);
}
