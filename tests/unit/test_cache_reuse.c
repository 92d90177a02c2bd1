/* SPDX-License-Identifier: Apache-2.0 */
/* What a smaller or a larger cache would have had, compared with caches of these sizes. */
/* links: cache_story.c zipf.c */
#include "read/cache/reuse.h"

#include "base/hash.h"
#include "cache_story.h"
#include "zipf.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define STORE_BYTES (8 << 20)
#define KEYS 60000
#define WARMING 200000 /* requests that are not compared */
#define REQUESTS 200000
#define POINTS 0.03 /* that a prediction may be off */
#define LOOPS 4

/* What is asked for, in an order of its own. */
struct asking {
	struct zipf zipf;
	struct random random;
	unsigned moves_every; /* 0: never */
	unsigned asked;
};

static void asking_init(struct asking *asking, double exponent, unsigned moves_every)
{
	*asking = (struct asking){ .moves_every = moves_every };
	zipf_init(&asking->zipf, KEYS, exponent);
	random_init(&asking->random, 7);
}

/* Where it moves, each step makes the key that is asked for least the one asked for most. */
static unsigned asking_next(struct asking *asking)
{
	unsigned shift = asking->moves_every ? asking->asked / asking->moves_every : 0;

	asking->asked++;
	return zipf_next(&asking->zipf, &asking->random) + KEYS - shift % KEYS;
}

static size_t body_len(unsigned key)
{
	return 20 + (key * 2654435761u >> 8) % 1500;
}

static struct text name_of(unsigned key, char name[16])
{
	return (struct text){ name, (size_t)snprintf(name, 16, "key=%08u", key) };
}

/* A cache of that many bytes is asked. */
static bool store_ask(unsigned key)
{
	static const char bytes[2000];
	struct cache_facts facts = { .lower = 1 };
	char name[16];
	struct text text = name_of(key, name);
	const struct cache_entry *entry = cache_find(cache_story.reader, text);

	if (entry) {
		cache_use(entry);
		cache_leave(cache_story.reader);
		return true;
	}
	assert_true(
		cache_put(cache_story.reader, text, &facts, (struct text){ bytes, body_len(key) }));
	return false;
}

static double measured(size_t bytes, double exponent, unsigned moves_every)
{
	struct asking asking;
	unsigned hits = 0;

	cache_story_begin(bytes);
	asking_init(&asking, exponent, moves_every);
	for (unsigned i = 0; i < WARMING; i++)
		(void)store_ask(asking_next(&asking));
	for (unsigned i = 0; i < REQUESTS; i++)
		hits += store_ask(asking_next(&asking));
	zipf_fini(&asking.zipf);
	cache_story_end();
	return (double)hits / REQUESTS;
}

/* As many loops as there are, in turn. */
static void predict(double exponent, unsigned moves_every, double shares[REUSE_SIZES])
{
	struct reuse_notes *notes[LOOPS];
	struct cache_counts counts;
	struct asking asking;
	struct reuse *reuse;

	cache_story_begin(STORE_BYTES);
	cache_store_counts(cache_story.store, &counts);
	cache_story_end();
	reuse = reuse_new(counts.bytes_max, 1);
	for (unsigned i = 0; i < LOOPS; i++)
		notes[i] = reuse_notes_new(reuse);
	asking_init(&asking, exponent, moves_every);
	for (unsigned i = 0; i < WARMING + REQUESTS; i++) {
		unsigned key = asking_next(&asking);
		char name[16];
		struct text text = name_of(key, name);

		reuse_note(notes[i % LOOPS], hash_bytes(text.ptr, text.len, 0x5eed),
			   text.len + body_len(key), 0);
	}
	assert_true(reuse_shares(reuse, REUSE_ALL, shares));
	zipf_fini(&asking.zipf);
	reuse_free(reuse);
}

static void compare(double exponent, unsigned moves_every)
{
	static const struct {
		enum reuse_size size;
		size_t bytes;
	} caches[] = {
		{ REUSE_QUARTER, STORE_BYTES / 4 },  { REUSE_HALF, STORE_BYTES / 2 },
		{ REUSE_SAME, STORE_BYTES },         { REUSE_DOUBLE, STORE_BYTES * 2 },
		{ REUSE_FOURFOLD, STORE_BYTES * 4 },
	};
	double shares[REUSE_SIZES];

	predict(exponent, moves_every, shares);
	for (unsigned i = 0; i < REUSE_SIZES; i++) {
		double share = measured(caches[i].bytes, exponent, moves_every);

		print_message("zipf %.2f%s, %zu MiB: predicted %.1f %%, measured %.1f %%\n",
			      exponent, moves_every ? " that moves" : "", caches[i].bytes >> 20,
			      100 * shares[caches[i].size], 100 * share);
		assert_true(fabs(shares[caches[i].size] - share) <= POINTS);
	}
	/* What is predicted has something to say. */
	assert_true(shares[REUSE_DOUBLE] > shares[REUSE_HALF] + 2 * POINTS);
}

static void the_hits_of_other_sizes_are_predicted_within_three_points(void **state)
{
	compare(0.8, 0);
	compare(0.99, 0);
}

static void so_they_are_where_what_is_asked_for_moves(void **state)
{
	compare(0.99, 20);
}

static void each_operation_has_shares_of_its_own(void **state)
{
	struct reuse *reuse = reuse_new(1 << 20, 3);
	struct reuse_notes *notes = reuse_notes_new(reuse);
	double few[REUSE_SIZES], many[REUSE_SIZES], none[REUSE_SIZES];
	struct random random;

	random_init(&random, 1);
	for (unsigned i = 0; i < 200000; i++) {
		reuse_note(notes, hash_mix(random_below(&random, 500), 1), 200, 0);
		reuse_note(notes, hash_mix(i, 2), 200, 1);
	}
	assert_true(reuse_shares(reuse, 0, few));
	assert_true(reuse_shares(reuse, 1, many));
	assert_false(reuse_shares(reuse, 2, none));
	assert_true(few[REUSE_SAME] > 0.95);
	assert_true(many[REUSE_FOURFOLD] < 0.05);
	reuse_free(reuse);
}

static void of_too_little_nothing_is_said(void **state)
{
	struct reuse *reuse = reuse_new(1 << 20, 1);
	struct reuse_notes *notes = reuse_notes_new(reuse);
	double shares[REUSE_SIZES];

	assert_false(reuse_shares(reuse, REUSE_ALL, shares));
	for (unsigned i = 0; i < 100; i++)
		reuse_note(notes, hash_mix(i, 1), 200, 0);
	assert_false(reuse_shares(reuse, REUSE_ALL, shares));
	reuse_free(reuse);
}

/* The first share of keys was chosen for larger answers. */
static void many_short_answers_thin_the_sample_and_stay_right(void **state)
{
	struct reuse *reuse = reuse_new(32 << 20, 1);
	struct reuse_notes *notes = reuse_notes_new(reuse);
	double shares[REUSE_SIZES];
	struct random random;

	random_init(&random, 1);
	/* 400,000 blocks are asked for, of 131,072. */
	for (unsigned i = 0; i < 6000000; i++)
		reuse_note(notes, hash_mix(random_below(&random, 400000), 1), 50, 0);
	assert_true(reuse_shares(reuse, REUSE_ALL, shares));
	for (unsigned i = 0; i < REUSE_SIZES; i++) {
		double share = (1 << i) / 4.0 * 131072 / 400000;

		assert_true(fabs(shares[i] - (share > 1 ? 1 : share)) < 2 * POINTS);
	}
	reuse_free(reuse);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_hits_of_other_sizes_are_predicted_within_three_points),
		cmocka_unit_test(so_they_are_where_what_is_asked_for_moves),
		cmocka_unit_test(each_operation_has_shares_of_its_own),
		cmocka_unit_test(of_too_little_nothing_is_said),
		cmocka_unit_test(many_short_answers_thin_the_sample_and_stay_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
