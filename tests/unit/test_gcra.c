/* SPDX-License-Identifier: Apache-2.0 */
/* The algorithm against a token bucket, and the table under threads. */
#include "base/gcra.h"

#include "base/hash.h"
#include "base/random.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static uint64_t key_of(uint64_t number)
{
	return hash_bytes(&number, sizeof(number), 3);
}

/* The reference: a bucket that fills by one unit each unit_ns, in nanoseconds of filling. */
struct bucket {
	int64_t level_ns, at_ns;
};

static bool bucket_take(struct bucket *bucket, int64_t now_ns, int64_t cost_ns, int64_t burst_ns)
{
	bucket->level_ns += now_ns - bucket->at_ns;
	bucket->at_ns = now_ns;
	if (bucket->level_ns > burst_ns)
		bucket->level_ns = burst_ns;
	if (bucket->level_ns < cost_ns)
		return false;
	bucket->level_ns -= cost_ns;
	return true;
}

enum { KEYS = 64, RATES = 8 };

/* Keys with rates of their own; each decision is asked for before it is made. */
static void decide_at_random(uint64_t seed, unsigned decisions)
{
	struct gcra_table *table = gcra_table_new(KEYS * GCRA_WAYS * 16);
	struct gcra_rate rates[RATES];
	struct bucket buckets[KEYS];
	struct random random;
	int64_t now_ns = 1;
	unsigned allowed = 0;

	random_init(&random, seed);
	for (unsigned i = 0; i < RATES; i++) {
		rates[i].unit_ns = 1 + (int64_t)random_below(&random, 1u << (2 * i + 4));
		rates[i].burst_ns = rates[i].unit_ns * (1 + (int64_t)random_below(&random, 300));
	}
	for (unsigned i = 0; i < KEYS; i++)
		buckets[i] = (struct bucket){ rates[i % RATES].burst_ns, now_ns };
	for (unsigned i = 0; i < decisions; i++) {
		unsigned key = (unsigned)random_below(&random, KEYS);
		struct gcra_rate rate = rates[key % RATES];
		int64_t units = rate.burst_ns / rate.unit_ns;
		int64_t cost_ns =
			rate.unit_ns * (1 + (int64_t)random_below(&random, (uint64_t)units));
		bool should = bucket_take(&buckets[key], now_ns, cost_ns, rate.burst_ns);
		struct gcra_answer looked =
			gcra_peek(table, key_of(key), now_ns, cost_ns, rate.burst_ns);
		struct gcra_answer answer =
			gcra_take(table, key_of(key), now_ns, cost_ns, rate.burst_ns);

		if ((answer.verdict == GCRA_ALLOWED) != should ||
		    looked.verdict != answer.verdict || answer.verdict == GCRA_UNKNOWN)
			fail_msg("seed %llu, decision %u", (unsigned long long)seed, i);
		allowed += should;
		now_ns += (int64_t)random_below(&random, 1u << random_below(&random, 14));
	}
	/* Neither answer is the rare one. */
	assert_in_range(allowed, decisions / 5, decisions / 5 * 4);
	gcra_table_free(table);
}

static void ten_million_decisions_are_those_of_a_token_bucket(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++)
		decide_at_random(seed, 1000000);
}

static void a_denial_writes_nothing(void **state)
{
	struct gcra_table *table = gcra_table_new(64);
	struct gcra_answer answer;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(gcra_take(table, 7, 1000, 10, 30).verdict, GCRA_ALLOWED);
	for (unsigned i = 0; i < 100; i++) {
		answer = gcra_take(table, 7, 1000, 10, 30);
		assert_int_equal(answer.verdict, GCRA_DENIED);
		assert_int_equal(answer.tat_ns, 1030);
	}
	/* What was denied is not owed: one unit is back after one unit of time. */
	assert_int_equal(gcra_take(table, 7, 1009, 10, 30).verdict, GCRA_DENIED);
	assert_int_equal(gcra_take(table, 7, 1010, 10, 30).verdict, GCRA_ALLOWED);
	assert_int_equal(gcra_take(table, 7, 1010, 10, 30).verdict, GCRA_DENIED);
	gcra_table_free(table);
}

static void what_is_left_and_how_long_to_wait_follow_from_the_tat(void **state)
{
	const struct gcra_rate rate = { 10, 50 };
	int64_t next_ns;

	(void)state;
	assert_int_equal(gcra_left(rate, 0, 1000, &next_ns), 5);
	assert_int_equal(next_ns, 0);
	assert_int_equal(gcra_left(rate, 1010, 1000, &next_ns), 4);
	assert_int_equal(next_ns, 10);
	assert_int_equal(gcra_left(rate, 1047, 1000, &next_ns), 0);
	assert_int_equal(next_ns, 7);
	assert_int_equal(gcra_left(rate, 1099, 1000, &next_ns), 0);
	assert_int_equal(gcra_wait_ns(1047, 1000, 10, 50), 7);
	assert_int_equal(gcra_wait_ns(1047, 1000, 20, 50), 17);
	assert_int_equal(gcra_wait_ns(1040, 1000, 10, 50), 0);
}

/* --- other keys ------------------------------------------------------------------------------ */

/* Keys that all belong into the one group of a small table. */
static void a_full_group_refuses_nobody_and_forgets_nobody(void **state)
{
	struct gcra_table *table = gcra_table_new(GCRA_WAYS);

	(void)state;
	for (uint64_t key = 1; key <= GCRA_WAYS; key++)
		assert_int_equal(gcra_take(table, key, 1000, 10, 10).verdict, GCRA_ALLOWED);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(gcra_take(table, 99, 1000, 10, 10).verdict, GCRA_UNKNOWN);
	for (uint64_t key = 1; key <= GCRA_WAYS; key++)
		assert_int_equal(gcra_take(table, key, 1009, 10, 10).verdict, GCRA_DENIED);
	/* A place is free when its key's bucket is full again, and not before. */
	assert_int_equal(gcra_take(table, 99, 1010, 10, 10).verdict, GCRA_UNKNOWN);
	assert_int_equal(gcra_take(table, 99, 1011, 10, 10).verdict, GCRA_ALLOWED);
	assert_int_equal(gcra_take(table, 99, 1011, 10, 10).verdict, GCRA_DENIED);
	for (uint64_t key = 2; key <= GCRA_WAYS; key++)
		assert_int_equal(gcra_take(table, key, 1011, 10, 10).verdict, GCRA_ALLOWED);
	assert_int_equal(gcra_take(table, 1, 1011, 10, 10).verdict, GCRA_UNKNOWN);
	gcra_table_free(table);
}

/* --- threads --------------------------------------------------------------------------------- */

enum { THREADS = 16, ROUNDS = 30, BURST = 20000, TRIES = 4000 };

/* Half a unit more than what is counted: more than the clocks of the threads differ. */
enum { CROWD_BURST_NS = BURST * 1000 + 500 };

struct crowd {
	struct gcra_table *table;
	pthread_barrier_t begin, end;
	_Atomic int64_t now_ns;
	_Atomic uint64_t allowed, wrong;
	unsigned others; /* threads that use a key of their own as well, in the same group */
};

struct member {
	struct crowd *crowd;
	unsigned number;
};

static void *member_run(void *arg)
{
	struct member *member = arg;
	struct crowd *crowd = member->crowd;

	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t allowed = 0, wrong = 0;
		int64_t now_ns;

		pthread_barrier_wait(&crowd->begin);
		/* No two clocks quite agree. */
		now_ns = atomic_load(&crowd->now_ns) + member->number;
		for (unsigned i = 0; i < TRIES; i++) {
			if (member->number < crowd->others)
				wrong += gcra_take(crowd->table, 1000 + member->number, now_ns, 1,
						   TRIES)
						 .verdict != GCRA_ALLOWED;
			allowed +=
				gcra_take(crowd->table, 7, now_ns, 1000, CROWD_BURST_NS).verdict ==
				GCRA_ALLOWED;
		}
		atomic_fetch_add(&crowd->allowed, allowed);
		atomic_fetch_add(&crowd->wrong, wrong);
		pthread_barrier_wait(&crowd->end);
	}
	return NULL;
}

/* How many each round allows; the bucket gets refill_ns between rounds. */
static void crowd_run(struct crowd *crowd, int64_t refill_ns, uint64_t first, uint64_t later)
{
	pthread_t threads[THREADS];
	struct member members[THREADS];

	crowd->table = gcra_table_new(GCRA_WAYS);
	atomic_store(&crowd->now_ns, 1000000);
	pthread_barrier_init(&crowd->begin, NULL, THREADS + 1);
	pthread_barrier_init(&crowd->end, NULL, THREADS + 1);
	for (unsigned i = 0; i < THREADS; i++) {
		members[i] = (struct member){ crowd, i };
		assert_int_equal(pthread_create(&threads[i], NULL, member_run, &members[i]), 0);
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		atomic_store(&crowd->allowed, 0);
		pthread_barrier_wait(&crowd->begin);
		pthread_barrier_wait(&crowd->end);
		assert_int_equal(atomic_load(&crowd->allowed), round ? later : first);
		assert_int_equal(atomic_load(&crowd->wrong), 0);
		atomic_fetch_add(&crowd->now_ns, refill_ns);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&crowd->begin);
	pthread_barrier_destroy(&crowd->end);
	gcra_table_free(crowd->table);
}

static void sixteen_threads_on_one_key_are_allowed_what_one_would_be(void **state)
{
	struct crowd crowd = { 0 };

	(void)state;
	crowd_run(&crowd, 7000 * 1000, BURST, 7000);
}

/* Its place is free each round, and others are free for it: only one may become its own. */
static void a_key_that_is_new_to_all_threads_gets_one_place(void **state)
{
	struct crowd crowd = { .others = 4 };

	(void)state;
	crowd_run(&crowd, CROWD_BURST_NS + 500, BURST, BURST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_million_decisions_are_those_of_a_token_bucket),
		cmocka_unit_test(a_denial_writes_nothing),
		cmocka_unit_test(what_is_left_and_how_long_to_wait_follow_from_the_tat),
		cmocka_unit_test(a_full_group_refuses_nobody_and_forgets_nobody),
		cmocka_unit_test(sixteen_threads_on_one_key_are_allowed_what_one_would_be),
		cmocka_unit_test(a_key_that_is_new_to_all_threads_gets_one_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
