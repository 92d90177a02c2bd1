/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bucket per address, and one of all addresses, in tables of their own: no failure displaces what
 * a rate limit counts. An address of which a token was good is a key that is denied: it has spent
 * a bucket that takes AUTH_KNOWN_US to grow back.
 */
#include "http/auth/failures.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/random.h"

#include <stdlib.h>

#define NS_PER_US 1000
#define KNOWN_NS (AUTH_KNOWN_US * NS_PER_US)
/* Of all addresses together. The hash of an address is this one with next to no probability. */
#define ALL_KEY 1

static const struct gcra_rate all_rate = {
	.unit_ns = US_PER_S * NS_PER_US / AUTH_FORGED_PER_S_MAX,
	.burst_ns = US_PER_S * NS_PER_US / AUTH_FORGED_PER_S_MAX * AUTH_FORGED_AT_ONCE_MAX,
};

struct auth_failures {
	struct gcra_table *table, *known;
	struct gcra_rate rate;
	uint64_t seed;
};

struct auth_failures *auth_failures_new(struct gcra_rate rate)
{
	struct auth_failures *failures = calloc(1, sizeof(*failures));

	if (!failures)
		log_fatal("auth", "out of memory");
	failures->table = gcra_table_new(AUTH_FAILURE_SLOTS);
	failures->known = gcra_table_new(AUTH_FAILURE_SLOTS);
	failures->rate = rate;
	random_bytes(&failures->seed, sizeof(failures->seed));
	return failures;
}

void auth_failures_free(struct auth_failures *failures)
{
	gcra_table_free(failures->table);
	gcra_table_free(failures->known);
	free(failures);
}

static uint64_t auth_failures_key(const struct auth_failures *failures, struct text address)
{
	return hash_bytes(address.ptr, address.len, failures->seed);
}

/* counts: it is one failure more. */
static int64_t auth_failures_ask(const struct auth_failures *failures, uint64_t key,
				 const struct gcra_rate *rate, int64_t now_us, bool counts)
{
	int64_t now_ns = now_us * NS_PER_US;
	struct gcra_answer answer;

	answer = counts ? gcra_take(failures->table, key, now_ns, rate->unit_ns, rate->burst_ns)
			: gcra_peek(failures->table, key, now_ns, rate->unit_ns, rate->burst_ns);
	if (answer.verdict != GCRA_DENIED)
		return 0;
	return (gcra_wait_ns(answer.tat_ns, now_ns, rate->unit_ns, rate->burst_ns) + NS_PER_US -
		1) /
	       NS_PER_US;
}

static bool auth_failures_knows(const struct auth_failures *failures, struct text address,
				int64_t now_us)
{
	return address.len && gcra_peek(failures->known, auth_failures_key(failures, address),
					now_us * NS_PER_US, KNOWN_NS, KNOWN_NS)
					      .verdict == GCRA_DENIED;
}

int64_t auth_failures_wait_us(const struct auth_failures *failures, struct text address,
			      int64_t now_us)
{
	int64_t wait_us = 0;

	if (address.len)
		wait_us = auth_failures_ask(failures, auth_failures_key(failures, address),
					    &failures->rate, now_us, false);
	if (wait_us || auth_failures_knows(failures, address, now_us))
		return wait_us;
	return auth_failures_ask(failures, ALL_KEY, &all_rate, now_us, false);
}

int64_t auth_failures_count(struct auth_failures *failures, struct text address, int64_t now_us)
{
	if (!address.len)
		return 0;
	return auth_failures_ask(failures, auth_failures_key(failures, address), &failures->rate,
				 now_us, true);
}

void auth_failures_verified(struct auth_failures *failures, struct text address, bool good,
			    int64_t now_us)
{
	if (good && address.len)
		(void)!gcra_take(failures->known, auth_failures_key(failures, address),
				 now_us * NS_PER_US, KNOWN_NS, KNOWN_NS)
			.verdict;
	else if (!good && !auth_failures_knows(failures, address, now_us))
		(void)!auth_failures_ask(failures, ALL_KEY, &all_rate, now_us, true);
}
