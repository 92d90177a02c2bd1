/* SPDX-License-Identifier: Apache-2.0 */
/* A day of answers of all sizes, which come, change and go: memory stays what it was. */
/* links: cache_story.c */
#include "allocations.h"
#include "base/random.h"
#include "cache_story.h"
#include "read/cache/store_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/*
 * What wears memory is how often all of it is given out anew. 100 answers of 1 KiB a second do that
 * with 64 MiB 132 times a day; 24 hours of HOUR_BYTES each do it with this store 144 times.
 */
#define STORE_BYTES (4 << 20)
#define HOURS 24
#define HOUR_BYTES (6 * STORE_BYTES)
#define KEYS 20000
#define LEN_MAX 60000
#define GROWTH_MAX (STORE_BYTES / 20)

static struct random chance;

static size_t rss_bytes(void)
{
	size_t size = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%zu %zu", &size, &resident), 2);
	fclose(file);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* What is asked for is another mix each hour. */
static size_t len_of(unsigned hour)
{
	switch (hour % 4) {
	case 0:
		return random_below(&chance, 200);
	case 1:
		return random_below(&chance, 20000);
	case 2:
		return random_below(&chance, 100) ? random_below(&chance, 400) : LEN_MAX;
	default:
		return random_below(&chance, 1u << random_below(&chance, 15));
	}
}

static const char *key_of(unsigned number)
{
	static char key[16];

	snprintf(key, sizeof(key), "%u", number);
	return key;
}

static struct cache_counts counts_now(void)
{
	struct cache_counts counts;

	cache_store_counts(cache_story.store, &counts);
	return counts;
}

/* Some are used, some dropped; once in six hours, all. least: that was used of it, meanwhile. */
static void live(unsigned hour, uint64_t *least)
{
	static uint64_t lower;
	bool fills = hour % 6 == 0;

	if (fills)
		cache_empty(cache_story.reader);
	for (size_t put = 0; put < HOUR_BYTES;) {
		unsigned number = random_below(&chance, KEYS);
		size_t len = len_of(hour);

		assert_true(story_put(key_of(number), ++lower, len));
		put += len + BLOCK_BYTES;
		(void)story_use(key_of(random_below(&chance, KEYS)), 1);
		if (random_below(&chance, 50) == 0)
			(void)cache_drop(cache_story.reader,
					 text_of(key_of(random_below(&chance, KEYS))));
		if ((!fills || put > HOUR_BYTES / 2) && counts_now().bytes_used < *least)
			*least = counts_now().bytes_used;
	}
	story_check();
}

#ifdef ALLOCATIONS_COUNTED
static void would_be_seen(size_t before)
{
	char *grown = malloc(2 * GROWTH_MAX);

	assert_non_null(grown);
	memset(grown, 1, 2 * GROWTH_MAX);
	assert_true(rss_bytes() > before + GROWTH_MAX);
	free(grown);
}
#endif

static void a_day_of_churn_leaves_memory_as_it_was(void **state)
{
	size_t first = 0, most = 0;
	uint64_t least = UINT64_MAX;

	random_init(&chance, 24);
	cache_story_begin(STORE_BYTES);
	for (unsigned hour = 0; hour < HOURS; hour++) {
		size_t now;

		live(hour, &least);
		now = rss_bytes();
		/* By then each mix has been there. */
		if (hour == 4)
			first = now;
		most = now > most ? now : most;
	}
	print_message("resident after 5 hours %zu KiB, at most %zu KiB; least used %llu of %llu\n",
		      first >> 10, most >> 10, (unsigned long long)least,
		      (unsigned long long)counts_now().bytes_max);
#ifdef ALLOCATIONS_COUNTED
	assert_true(most <= first + GROWTH_MAX);
	would_be_seen(first);
#endif
	/* But for the room of what was evicted or dropped last. */
	assert_true(least + 2 * (LEN_MAX + BLOCK_BYTES) >= counts_now().bytes_max * 95 / 100);
	assert_true(counts_now().bytes_max >= (uint64_t)STORE_BYTES * 93 / 100);
	cache_story_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_day_of_churn_leaves_memory_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
