/* SPDX-License-Identifier: Apache-2.0 */
/* Answers are found by their keys, whole, until something newer or something else takes their
 * memory. */
/* links: cache_story.c allocations.c */
#include "read/cache/store.h"

#include "allocations.h"
#include "base/limits.h"
#include "base/random.h"
#include "cache_story.h"
#include "read/cache/store_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define KEY_BYTES 64
#define OPERATIONS 30000 /* of a random walk */

static const char *numbered(unsigned number)
{
	static char key[KEY_BYTES];

	(void)snprintf(key, sizeof(key), "orders?customer=%u", number);
	return key;
}

static struct cache_counts counts_now(void)
{
	struct cache_counts counts;

	cache_store_counts(cache_story.store, &counts);
	return counts;
}

static void what_was_put_is_found_with_its_facts(void **state)
{
	struct cache_facts facts = {
		.lower = 1,
		.upper = 2,
		.timeline = 3,
		.version = 4,
		.made_us = 5,
		.true_us = 6,
		.took_us = 7,
		.digest = { 8 },
		.has_digest = true,
		.operation = 9,
	};
	const struct cache_entry *entry;

	assert_null(cache_find(cache_story.reader, TEXT("a")));
	assert_true(cache_put(cache_story.reader, TEXT("a"), &facts, TEXT("body")));
	entry = cache_find(cache_story.reader, TEXT("a"));
	assert_non_null(entry);
	assert_memory_equal(cache_entry_facts(entry), &facts, sizeof(facts));
	assert_int_equal(cache_entry_len(entry), 4);
	cache_leave(cache_story.reader);
	assert_true(story_has_text("a", "body"));
	assert_false(story_has_text("b", "body"));
}

static void bodies_and_keys_of_any_length_come_back_whole(void **state)
{
	static const size_t lengths[] = { 0,   1,   111, 112, 113, 251,  252,
					  253, 255, 256, 257, 364, 65536 };
	char key[2048];

	cache_story_end();
	cache_story_begin(4 << 20);
	for (size_t key_len = 0; key_len < sizeof(key); key_len += key_len < 600 ? 1 : 97) {
		size_t len = lengths[key_len % (sizeof(lengths) / sizeof(*lengths))];

		memset(key, 'k', key_len);
		key[key_len] = '\0';
		assert_true(story_put(key, key_len, len));
		assert_true(story_has(key, key_len, len));
		for (size_t i = 0; key_len < 2 && i < sizeof(lengths) / sizeof(*lengths); i++) {
			assert_true(story_put(key, key_len, lengths[i]));
			assert_true(story_has(key, key_len, lengths[i]));
		}
	}
}

/* Long keys that differ in one byte, wherever it is. */
static void a_key_is_compared_to_its_end(void **state)
{
	char key[700];

	memset(key, 'k', sizeof(key));
	key[699] = '\0';
	assert_true(story_put(key, 1, 10));
	for (size_t at = 0; at < 699; at++) {
		key[at] = 'x';
		assert_false(story_use(key, 0));
		key[at] = 'k';
	}
	key[698] = '\0';
	assert_false(story_use(key, 0));
}

/* One bucket for all: what differs is the key. */
static void keys_that_meet_in_one_bucket_are_kept_apart(void **state)
{
	struct cache_store *store = cache_story.store;
	uint32_t before = store->bucket_count;

	store->bucket_count = 1;
	for (unsigned i = 0; i < 100; i++)
		assert_true(story_put(numbered(i), i, 50));
	for (unsigned i = 0; i < 100; i += 3)
		assert_true(cache_drop(cache_story.reader, text_of(numbered(i))));
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(story_has(numbered(i), i, 50), i % 3 != 0);
	story_check();
	cache_empty(cache_story.reader);
	store->bucket_count = before;
}

/* The whole hash is equal, too. */
static void keys_whose_hashes_are_equal_are_two_keys(void **state)
{
	struct cache_entry *entry;

	assert_true(story_put("one", 1, 10));
	entry = (struct cache_entry *)cache_find(cache_story.reader, TEXT("one"));
	assert_false(store_entry_is(cache_story.store, entry, entry->hash, TEXT("two")));
	assert_true(store_entry_is(cache_story.store, entry, entry->hash, TEXT("one")));
	cache_leave(cache_story.reader);
}

static void a_newer_answer_takes_the_place_of_an_older_one(void **state)
{
	assert_true(story_put("a", 1, 1000));
	assert_true(story_put("a", 2, 10));
	assert_true(story_has("a", 2, 10));
	assert_int_equal(counts_now().entries, 1);
	assert_int_equal(counts_now().replaced, 1);
	assert_int_equal(counts_now().bytes_used, BLOCK_BYTES);
}

static void an_older_answer_never_takes_the_place_of_a_newer_one(void **state)
{
	assert_true(story_put("a", 2, 10));
	assert_true(story_put("a", 1, 1000));
	assert_true(story_has("a", 2, 10));
	/* An equal one does: it was made later. */
	assert_true(story_put_text("a", 2, "again"));
	assert_true(story_has_text("a", "again"));
	assert_int_equal(counts_now().replaced, 1);
}

static void of_another_timeline_or_version_any_answer_does(void **state)
{
	struct cache_facts facts = { .lower = 9, .timeline = 1, .version = 1 };

	assert_true(cache_put(cache_story.reader, TEXT("a"), &facts, TEXT("first")));
	facts.lower = 8;
	facts.version = 2;
	assert_true(cache_put(cache_story.reader, TEXT("a"), &facts, TEXT("second")));
	assert_true(story_has_text("a", "second"));
	facts.lower = 7;
	facts.timeline = 2;
	assert_true(cache_put(cache_story.reader, TEXT("a"), &facts, TEXT("third")));
	assert_true(story_has_text("a", "third"));
}

static void uses_are_counted_up_to_three_and_stay_with_a_newer_answer(void **state)
{
	const struct cache_entry *entry;

	assert_true(story_put("a", 1, 10));
	assert_true(story_use("a", 2));
	assert_true(story_put("a", 2, 5000));
	entry = cache_find(cache_story.reader, TEXT("a"));
	assert_int_equal(cache_entry_uses(entry), 2);
	cache_leave(cache_story.reader);
	assert_true(story_use("a", 10));
	entry = cache_find(cache_story.reader, TEXT("a"));
	assert_int_equal(cache_entry_uses(entry), 3);
	cache_leave(cache_story.reader);
}

static void what_was_dropped_is_gone(void **state)
{
	assert_false(cache_drop(cache_story.reader, TEXT("a")));
	assert_true(story_put("a", 1, 10));
	assert_true(cache_drop(cache_story.reader, TEXT("a")));
	assert_false(story_use("a", 0));
	assert_int_equal(counts_now().bytes_used, 0);
	assert_int_equal(counts_now().bytes_waiting, 0);
}

static void an_emptied_store_has_all_its_memory(void **state)
{
	for (unsigned i = 0; i < 3000; i++) {
		assert_true(story_put(numbered(i), i, i % 700));
		(void)story_use(numbered(i / 2), 2);
	}
	cache_empty(cache_story.reader);
	story_check();
	assert_int_equal(counts_now().entries, 0);
	assert_int_equal(counts_now().bytes_used, 0);
	assert_int_equal(cache_story.store->blocks.free, cache_story.store->blocks.count - 1);
	for (unsigned i = 0; i < 3000; i++)
		assert_false(story_use(numbered(i), 0));
	assert_true(story_put(numbered(1), 1, 10));
	assert_true(story_has(numbered(1), 1, 10));
}

/* As at the first step of emptying: what is of before is found no more, and not counted. */
static void from_the_beginning_of_emptying_nothing_from_before_is_found(void **state)
{
	struct cache_store *store = cache_story.store;

	assert_true(story_put("old", 1, 10));
	assert_true(story_put("both", 9, 10));
	store->generation++;
	store->stale[S3_SMALL] = 2;
	assert_false(story_use("old", 0));
	assert_false(cache_drop(cache_story.reader, TEXT("old")));
	assert_true(story_put("both", 1, 20));
	assert_true(story_has("both", 1, 20));
	story_check();
	assert_int_equal(counts_now().entries, 1);
	cache_empty(cache_story.reader);
	story_check();
}

/* More than goes at once: the rest as puts come, before anything new goes. */
static void of_a_large_store_the_rest_goes_while_it_fills_again(void **state)
{
	cache_story_end();
	cache_story_begin(8 << 20);
	for (unsigned i = 0; i < 40000; i++) {
		assert_true(story_put(numbered(i), i, 10));
		assert_true(story_use(numbered(i), i % 3));
	}
	cache_empty(cache_story.reader);
	assert_int_equal(counts_now().entries, 0);
	assert_true(counts_now().bytes_used > 1 << 20);
	story_check();
	for (unsigned i = 0; i < 40; i++)
		assert_true(story_put(numbered(i), i, 10000));
	story_check();
	assert_true(counts_now().bytes_used > 1 << 20);
	for (unsigned i = 40; i < 100; i++)
		assert_true(story_put(numbered(i), i, 10000));
	story_check();
	assert_int_equal(counts_now().bytes_used, 100ULL * 41 * BLOCK_BYTES);
	for (unsigned i = 0; i < 100; i++)
		assert_true(story_has(numbered(i), i, 10000));
}

static void what_is_too_large_is_refused(void **state)
{
	size_t most = CACHE_BYTES_MIN / 16;

	assert_false(story_put("a", 1, most));
	assert_true(story_put("a", 1, most - most / 16));
	assert_false(story_put("b", 1, (size_t)CACHE_ENTRY_BYTES_MAX + 1));
	assert_true(story_has("a", 1, most - most / 16));
	cache_story_end();
	cache_story_begin((size_t)CACHE_ENTRY_BYTES_MAX * 32);
	assert_false(story_put("a", 1, CACHE_ENTRY_BYTES_MAX));
	assert_true(story_put("a", 1, CACHE_ENTRY_BYTES_MAX * 15ULL / 16));
	assert_true(story_has("a", 1, CACHE_ENTRY_BYTES_MAX * 15ULL / 16));
}

/* Control: make VARIANT=no-cache-section. */
static void what_was_found_stays_until_it_is_left(void **state)
{
	struct cache_reader *other = cache_reader_new(cache_story.store);
	const struct cache_entry *entry;
	struct buf kept;

	assert_true(story_put("a", 7, 3000));
	entry = cache_find(other, TEXT("a"));
	for (unsigned i = 0; i < 5000; i++) {
		/* Sooner or later no room can be made, since a reader stays. */
		(void)story_put(i % 2 ? "a" : numbered(i), 8 + i, 3000);
		if (i % 100 == 0)
			story_check();
	}
	assert_int_equal(cache_entry_facts(entry)->lower, 7);
	assert_int_equal(cache_entry_len(entry), 3000);
	buf_clear(&cache_story.body);
	cache_entry_copy(entry, &cache_story.body);
	cache_leave(other);
	cache_reader_free(other);
	assert_true(counts_now().no_room > 0);
	/* The same bytes as if it were put now. */
	kept = cache_story.body;
	buf_init(&cache_story.body);
	assert_true(cache_drop(cache_story.reader, TEXT("a")));
	assert_true(story_put("a", 7, 3000));
	assert_true(story_has("a", 7, 3000));
	assert_memory_equal(cache_story.body.ptr, kept.ptr, 3000);
	buf_fini(&kept);
}

/* The lock is taken by who reads: it would never get it. */
static void who_reads_waits_for_no_lock(void **state)
{
	assert_true(story_put("a", 1, 3000));
	pthread_mutex_lock(&cache_story.store->lock);
	assert_true(story_has("a", 1, 3000));
	assert_true(story_use("a", 1));
	pthread_mutex_unlock(&cache_story.store->lock);
}

#ifdef ALLOCATIONS_COUNTED
static void who_reads_or_writes_allocates_nothing(void **state)
{
	static const char bytes[5000];
	struct cache_facts facts = { .lower = 1 };
	const struct cache_entry *entry;

	(void)buf_reserve(&cache_story.body, sizeof(bytes));
	allocations_made = 0;
	for (unsigned i = 0; i < 5000; i++) {
		struct text key = { (const char *)&i, sizeof(i) };

		assert_true(cache_put(cache_story.reader, key, &facts,
				      (struct text){ bytes, i % sizeof(bytes) }));
		entry = cache_find(cache_story.reader, key);
		buf_clear(&cache_story.body);
		cache_entry_copy(entry, &cache_story.body);
		cache_use(entry);
		cache_leave(cache_story.reader);
	}
	assert_int_equal(allocations_made, 0);
	/* Control: they are counted. */
	buf_fini(&cache_story.body);
	(void)buf_reserve(&cache_story.body, 1);
	assert_int_equal(allocations_made, 1);
}
#endif

static void where_readers_have_left_there_is_room_again(void **state)
{
	struct cache_reader *other = cache_reader_new(cache_story.store);

	assert_true(story_put("a", 1, 10));
	assert_non_null(cache_find(other, TEXT("a")));
	for (unsigned i = 0; counts_now().no_room == 0; i++) {
		assert_true(i < 100000);
		(void)story_put(numbered(i), i, 1000);
	}
	assert_false(story_put("b", 1, 1000));
	cache_leave(other);
	assert_true(story_put("b", 1, 1000));
	assert_true(story_has("b", 1, 1000));
	cache_reader_free(other);
}

/* --- memory ---------------------------------------------------------------------------------- */

static size_t resident_bytes(void)
{
	const struct cache_store *store = cache_story.store;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t pages = (store->mapping_bytes + page - 1) / page, count = 0;
	unsigned char *resident = malloc(pages);

	assert_non_null(resident);
	assert_int_equal(mincore(store->mapping, store->mapping_bytes, resident), 0);
	for (size_t i = 0; i < pages; i++)
		count += resident[i] & 1;
	free(resident);
	return count * page;
}

static size_t mixed_len(struct random *random, unsigned mix)
{
	switch (mix) {
	case 0:
		return 1;
	case 1:
		return random_below(random, 2000);
	case 2:
		return random_below(random, 100) ? random_below(random, 300) : 60000;
	default:
		return 200000 + random_below(random, 60000);
	}
}

/* Of 8 MiB; whatever the sizes, nineteen of twenty parts hold entries, and no more is taken. */
static void memory_is_used_and_bounded_at_any_mix_of_sizes(void **state)
{
	size_t bytes = 8 << 20;

	for (unsigned mix = 0; mix < 4; mix++) {
		struct random random;

		cache_story_end();
		cache_story_begin(bytes);
		random_init(&random, mix);
		assert_true(resident_bytes() < bytes / 20);
		for (unsigned i = 0; i < (mix == 3 ? 500 : 60000); i++)
			assert_true(story_put(numbered(i), i, mixed_len(&random, mix)));
		assert_true(resident_bytes() <= bytes);
		/* One of the largest entries may still fit in. */
		assert_true(counts_now().bytes_used + (mix == 3 ? 260000 : 60000) >=
			    bytes * 95 / 100);
		assert_true(counts_now().bytes_max >= bytes * 93 / 100);
		assert_true(counts_now().bytes_used <= counts_now().bytes_max);
		story_check();
	}
}

/* The sizes change all the time: how much fits stays the same. */
static void churn_makes_no_fragments(void **state)
{
	struct random random;
	uint64_t least = UINT64_MAX;

	random_init(&random, 1);
	for (unsigned i = 0; i < 60000; i++) {
		size_t len = random_below(&random, i % 20000 < 10000 ? 200 : 20000);

		assert_true(story_put(numbered(i), i, len));
		if (i > 10000 && counts_now().bytes_used < least)
			least = counts_now().bytes_used;
	}
	/* The one that was evicted last was longer than the one it went for. */
	assert_true(least + 20000 + 2 * BLOCK_BYTES >= counts_now().bytes_max);
}

/* --- anything in any order ------------------------------------------------------------------- */

struct known {
	uint64_t lower; /* 0: it was never put, or dropped */
	size_t len;
};

static void any_operations_leave_all_as_it_must_be(void **state)
{
	struct known known[400] = { { 0 } };
	struct random random;

	random_init(&random, (uint64_t)(uintptr_t)*state);
	for (unsigned i = 1; i <= OPERATIONS; i++) {
		unsigned number = random_below(&random, 400);
		struct known *key = &known[number];

		switch (random_below(&random, 12)) {
		case 0:
			/* It may be evicted by now. */
			if (cache_drop(cache_story.reader, text_of(numbered(number))))
				assert_int_not_equal(key->lower, 0);
			key->lower = 0;
			break;
		case 1:
			if (random_below(&random, 400) == 0) {
				cache_empty(cache_story.reader);
				memset(known, 0, sizeof(known));
			}
			break;
		case 2:
		case 3:
		case 4:
			*key = (struct known){ i, random_below(&random, 9000) };
			assert_true(story_put(numbered(number), key->lower, key->len));
			assert_true(story_has(numbered(number), key->lower, key->len));
			break;
		default:
			/* Never anything but the last one. */
			if (story_use(numbered(number), 1))
				assert_true(story_has(numbered(number), key->lower, key->len));
			break;
		}
		if (i % 500 == 0)
			story_check();
	}
	assert_true(counts_now().evicted_small > 0);
	assert_true(counts_now().evicted_main > 0);
}

/* --- warm start ------------------------------------------------------------------------------ */

struct shown {
	unsigned count;
	char first[KEY_BYTES];
	uint64_t lower;
};

static void note_shown(void *arg, struct text key, const struct cache_facts *facts)
{
	struct shown *shown = arg;

	if (!shown->count++) {
		memcpy(shown->first, key.ptr, key.len);
		shown->first[key.len] = '\0';
		shown->lower = facts->lower;
	}
	/* No section and no lock: the store may be asked. */
	assert_true(story_use(shown->first, 0));
}

static void the_keys_that_are_used_most_are_shown_first(void **state)
{
	struct shown all = { 0 }, some = { 0 };
	const struct cache_entry *entry;

	for (unsigned i = 0; i < 50; i++)
		assert_true(story_put(numbered(i), i + 1, 100));
	assert_true(story_use(numbered(31), 3));
	cache_store_hottest(cache_story.store, 1000, note_shown, &all);
	assert_int_equal(all.count, 50);
	assert_string_equal(all.first, numbered(31));
	assert_int_equal(all.lower, 32);
	/* Those of the main queue come before: this one is moved there when room is made. */
	for (unsigned i = 1000; i < 6000; i++) {
		assert_true(story_put(numbered(i), i, 100));
		assert_true(story_use(numbered(i - i % 2), 3));
		(void)story_use(numbered(31), 2);
	}
	cache_store_hottest(cache_story.store, 7, note_shown, &some);
	assert_int_equal(some.count, 7);
	entry = cache_find(cache_story.reader, text_of(some.first));
	assert_int_equal(entry->node.queue, S3_MAIN);
	assert_int_equal(cache_entry_uses(entry), 3);
	cache_leave(cache_story.reader);
}

static void the_hash_of_the_last_key_is_known(void **state)
{
	uint64_t hash;

	assert_null(cache_find(cache_story.reader, TEXT("a")));
	hash = cache_key_hash(cache_story.reader);
	assert_true(story_put("b", 1, 1));
	assert_true(cache_key_hash(cache_story.reader) != hash);
	assert_false(cache_drop(cache_story.reader, TEXT("a")));
	assert_true(cache_key_hash(cache_story.reader) == hash);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, cache_story_setup, cache_story_teardown)

static int setup_seed(void **state)
{
	void *seed = *state;
	int done = cache_story_setup(state);

	*state = seed;
	return done;
}

#define SEED(number)                                                                               \
	cmocka_unit_test_prestate_setup_teardown(any_operations_leave_all_as_it_must_be,           \
						 setup_seed, cache_story_teardown, (void *)number)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(what_was_put_is_found_with_its_facts),
		STORY(bodies_and_keys_of_any_length_come_back_whole),
		STORY(a_key_is_compared_to_its_end),
		STORY(keys_that_meet_in_one_bucket_are_kept_apart),
		STORY(keys_whose_hashes_are_equal_are_two_keys),
		STORY(a_newer_answer_takes_the_place_of_an_older_one),
		STORY(an_older_answer_never_takes_the_place_of_a_newer_one),
		STORY(of_another_timeline_or_version_any_answer_does),
		STORY(uses_are_counted_up_to_three_and_stay_with_a_newer_answer),
		STORY(what_was_dropped_is_gone),
		STORY(an_emptied_store_has_all_its_memory),
		STORY(from_the_beginning_of_emptying_nothing_from_before_is_found),
		STORY(of_a_large_store_the_rest_goes_while_it_fills_again),
		STORY(what_is_too_large_is_refused),
		STORY(what_was_found_stays_until_it_is_left),
		STORY(who_reads_waits_for_no_lock),
#ifdef ALLOCATIONS_COUNTED
		STORY(who_reads_or_writes_allocates_nothing),
#endif
		STORY(where_readers_have_left_there_is_room_again),
		STORY(memory_is_used_and_bounded_at_any_mix_of_sizes),
		STORY(churn_makes_no_fragments),
		SEED(1),
		SEED(2),
		SEED(3),
		STORY(the_keys_that_are_used_most_are_shown_first),
		STORY(the_hash_of_the_last_key_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
