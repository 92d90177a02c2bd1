/* SPDX-License-Identifier: Apache-2.0 */
/* Loops note what they ask for at the same time, and one thread asks what is known. */
#include "read/cache/reuse.h"

#include "base/hash.h"
#include "base/random.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define LOOPS 4

static struct reuse *shared;

static void *note_on(void *seed)
{
	struct reuse_notes *notes = reuse_notes_new(shared);
	struct random random;

	random_init(&random, (uint64_t)(uintptr_t)seed);
	for (unsigned i = 0; i < 100000; i++)
		reuse_note(notes, hash_mix(random_below(&random, 8000), 1), 300, i % 2);
	return NULL;
}

static void loops_may_note_at_the_same_time(void **state)
{
	pthread_t threads[LOOPS];
	unsigned known = 0;
	double shares[REUSE_SIZES];

	shared = reuse_new(1 << 20, 2);
	for (uintptr_t i = 0; i < LOOPS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, note_on, (void *)(i + 1)), 0);
	for (unsigned i = 0; i < 20; i++)
		known += reuse_shares(shared, REUSE_ALL, shares);
	for (unsigned i = 0; i < LOOPS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_true(reuse_shares(shared, REUSE_ALL, shares));
	print_message("%u of 20 times something was known\n", known);
	print_message("as large: %.3f, fourfold: %.3f\n", shares[REUSE_SAME],
		      shares[REUSE_FOURFOLD]);
	/* 16,000 blocks are asked for, of 4,096; what notes were lost is not counted as hits; the
	 * first request for each key is none either. */
	assert_true(fabs(shares[REUSE_SAME] - 4096 / 16000.0) < 0.09);
	assert_true(shares[REUSE_FOURFOLD] > 0.5);
	reuse_free(shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loops_may_note_at_the_same_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
