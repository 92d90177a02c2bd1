/* SPDX-License-Identifier: Apache-2.0 */
/* A bucket per address, in a table of its own: no failure displaces what a rate limit counts. */
#include "http/auth/failures.h"

#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/random.h"

#include <stdlib.h>

#define NS_PER_US 1000

struct auth_failures {
	struct gcra_table *table;
	struct gcra_rate rate;
	uint64_t seed;
};

struct auth_failures *auth_failures_new(struct gcra_rate rate)
{
	struct auth_failures *failures = calloc(1, sizeof(*failures));

	if (!failures)
		log_fatal("auth", "out of memory");
	failures->table = gcra_table_new(AUTH_FAILURE_SLOTS);
	failures->rate = rate;
	random_bytes(&failures->seed, sizeof(failures->seed));
	return failures;
}

void auth_failures_free(struct auth_failures *failures)
{
	gcra_table_free(failures->table);
	free(failures);
}

/* counts: it is one failure more. */
static int64_t auth_failures_ask(const struct auth_failures *failures, struct text address,
				 int64_t now_us, bool counts)
{
	int64_t now_ns = now_us * NS_PER_US, unit_ns = failures->rate.unit_ns;
	int64_t burst_ns = failures->rate.burst_ns;
	uint64_t key = hash_bytes(address.ptr, address.len, failures->seed);
	struct gcra_answer answer;

	if (!address.len)
		return 0;
	answer = counts ? gcra_take(failures->table, key, now_ns, unit_ns, burst_ns)
			: gcra_peek(failures->table, key, now_ns, unit_ns, burst_ns);
	if (answer.verdict != GCRA_DENIED)
		return 0;
	return (gcra_wait_ns(answer.tat_ns, now_ns, unit_ns, burst_ns) + NS_PER_US - 1) / NS_PER_US;
}

int64_t auth_failures_wait_us(const struct auth_failures *failures, struct text address,
			      int64_t now_us)
{
	return auth_failures_ask(failures, address, now_us, false);
}

int64_t auth_failures_count(struct auth_failures *failures, struct text address, int64_t now_us)
{
	return auth_failures_ask(failures, address, now_us, true);
}
