/* SPDX-License-Identifier: Apache-2.0 */
/* Readers see whole answers of the keys they asked for, whatever writers do meanwhile. */
/* links: cache_story.c */
#include "read/cache/store.h"

#include "base/hash.h"
#include "base/limits.h"
#include "base/random.h"
#include "cache_story.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define READERS 4
#define WRITERS 2
#define KEYS 4000 /* some 8 MB */
#define STORE_BYTES (4 << 20)
#define PUTS 25000 /* of each writer */
#define BODY_BYTES_MAX 4000

static _Atomic unsigned writing;
static _Atomic uint64_t found, wrong;
static _Atomic uint64_t version; /* of the answers */

struct name {
	char bytes[400];
	struct text text;
};

/* Some are longer than a block. */
static struct name name_of(unsigned key)
{
	struct name name;
	int len = snprintf(name.bytes, sizeof(name.bytes), "key=%0*u", key % 7 ? 4 : 300, key);

	name.text = (struct text){ NULL, (size_t)len };
	return name;
}

static size_t len_of(unsigned key, uint64_t lower)
{
	return hash_mix(key, lower) % BODY_BYTES_MAX;
}

static void *write_on(void *seed)
{
	struct cache_reader *reader = cache_reader_new(cache_story.store);
	struct random random;
	char body[BODY_BYTES_MAX + 8];

	random_init(&random, (uint64_t)(uintptr_t)seed);
	for (unsigned i = 0; i < PUTS; i++) {
		unsigned key = random_below(&random, KEYS);
		struct name name = name_of(key);
		struct cache_facts facts = { .lower = atomic_fetch_add(&version, 1) };
		uint64_t word = hash_mix(key, facts.lower);

		name.text.ptr = name.bytes;
		facts.upper = word;
		for (size_t at = 0; at < BODY_BYTES_MAX; at += 8)
			memcpy(body + at, &word, 8);
		if (!cache_put(reader, name.text, &facts,
			       (struct text){ body, len_of(key, facts.lower) }))
			(void)sched_yield(); /* a reader that was stopped goes on */
		if (i % 50 == 0)
			(void)cache_drop(reader, name.text);
		if (i % 10000 == 9999)
			cache_empty(reader);
	}
	cache_reader_free(reader);
	atomic_fetch_sub(&writing, 1);
	return NULL;
}

static bool is_right(unsigned key, const struct cache_facts *facts, struct text body)
{
	uint64_t word = hash_mix(key, facts->lower);

	if (facts->upper != word || body.len != len_of(key, facts->lower))
		return false;
	for (size_t at = 0; at < body.len; at++)
		if (body.ptr[at] != ((const char *)&word)[at % 8])
			return false;
	return true;
}

static void *read_on(void *seed)
{
	struct cache_reader *reader = cache_reader_new(cache_story.store);
	struct random random;
	struct buf body;
	unsigned sections = 0;

	random_init(&random, (uint64_t)(uintptr_t)seed);
	buf_init(&body);
	while (atomic_load(&writing) && !atomic_load(&wrong)) {
		unsigned key = random_below(&random, KEYS);
		struct name name = name_of(key);
		const struct cache_entry *entry;

		name.text.ptr = name.bytes;
		entry = cache_find(reader, name.text);
		if (!entry)
			continue;
		/* Time for others, as where a reader's thread is stopped. */
		if (++sections % 64 == 0)
			(void)sched_yield();
		buf_clear(&body);
		cache_entry_copy(entry, &body);
		if (!is_right(key, cache_entry_facts(entry), (struct text){ body.ptr, body.len }))
			atomic_fetch_add(&wrong, 1);
		if (key % 3)
			cache_use(entry);
		atomic_fetch_add_explicit(&found, 1, memory_order_relaxed);
		cache_leave(reader);
	}
	buf_fini(&body);
	cache_reader_free(reader);
	return NULL;
}

/* Control: make VARIANT=no-cache-section. */
static void no_reader_sees_a_torn_or_a_foreign_answer(void **state)
{
	pthread_t threads[READERS + WRITERS];
	struct cache_counts counts;

	cache_story_begin(STORE_BYTES);
	atomic_store(&writing, WRITERS);
	for (uintptr_t i = 0; i < READERS + WRITERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, i < READERS ? read_on : write_on,
						(void *)(i + 1)),
				 0);
	for (unsigned i = 0; i < READERS + WRITERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	cache_store_counts(cache_story.store, &counts);
	print_message("%lu found, %lu wrong; %lu inserted, %lu replaced, %lu evicted, "
		      "%lu without room\n",
		      (unsigned long)found, (unsigned long)wrong, (unsigned long)counts.inserted,
		      (unsigned long)counts.replaced,
		      (unsigned long)(counts.evicted_small + counts.evicted_main),
		      (unsigned long)counts.no_room);
	assert_int_equal(wrong, 0);
	assert_true(counts.inserted > 0);
	assert_true(counts.replaced > 0);
	assert_true(counts.evicted_small > 0);
	/* All has been left. */
	cache_empty(cache_story.reader);
	cache_store_counts(cache_story.store, &counts);
	assert_int_equal(counts.bytes_used, 0);
	assert_int_equal(counts.bytes_waiting, 0);
	cache_story_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_reader_sees_a_torn_or_a_foreign_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
