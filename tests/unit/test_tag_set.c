/* SPDX-License-Identifier: Apache-2.0 */
/* What a query reads: whole or not at all, while it changes. */
#include "base/tag_set.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct tag_set set;

static int set_up(void **state)
{
	(void)state;
	memset(&set, 0, sizeof(set));
	return 0;
}

static void it_counts_for_nothing_before_it_is_written(void **state)
{
	uint64_t tags[FEED_RELATIONS_OF_QUERY_MAX];
	size_t count;

	(void)state;
	assert_int_equal(tag_set_read(&set, tags, &count), 0);
}

static void what_was_written_last_is_read(void **state)
{
	const uint64_t first[] = { 3, 4 }, second[] = { 5 };
	uint64_t tags[FEED_RELATIONS_OF_QUERY_MAX];
	size_t count;

	(void)state;
	tag_set_write(&set, 1, first, 2);
	tag_set_write(&set, 2, second, 1);
	assert_int_equal(tag_set_read(&set, tags, &count), 2);
	assert_int_equal(count, 1);
	assert_int_equal(tags[0], 5);
	tag_set_write(&set, 0, NULL, 0);
	assert_int_equal(tag_set_read(&set, tags, &count), 0);
}

static void as_many_tags_as_there_may_be_are_kept(void **state)
{
	uint64_t all[FEED_RELATIONS_OF_QUERY_MAX], tags[FEED_RELATIONS_OF_QUERY_MAX];
	size_t count;

	(void)state;
	for (size_t i = 0; i < FEED_RELATIONS_OF_QUERY_MAX; i++)
		all[i] = 1000 + i;
	tag_set_write(&set, 7, all, FEED_RELATIONS_OF_QUERY_MAX);
	assert_int_equal(tag_set_read(&set, tags, &count), 7);
	assert_int_equal(count, FEED_RELATIONS_OF_QUERY_MAX);
	assert_memory_equal(tags, all, sizeof(all));
}

/* --- many threads ----------------------------------------------------------------------------- */

enum { VERSIONS = 20000, READERS = 3 };

static _Atomic bool over;

/* Version v is v % 5 tags, all of them v. */
static void *write_much(void *arg)
{
	uint64_t tags[5];

	(void)arg;
	for (uint32_t version = 1; version <= VERSIONS; version++) {
		for (unsigned i = 0; i < 5; i++)
			tags[i] = version;
		tag_set_write(&set, version, tags, version % 5);
	}
	atomic_store(&over, true);
	return NULL;
}

static void *read_much(void *arg)
{
	uint64_t *wrong = arg, tags[FEED_RELATIONS_OF_QUERY_MAX];
	size_t count;

	while (!atomic_load(&over)) {
		uint32_t version = tag_set_read(&set, tags, &count);

		if (!version)
			continue;
		*wrong += count != version % 5;
		for (size_t i = 0; i < count; i++)
			*wrong += tags[i] != version;
	}
	return NULL;
}

static void what_is_read_beside_a_writer_is_of_one_version(void **state)
{
	pthread_t writer, readers[READERS];
	uint64_t wrong[READERS] = { 0 };

	(void)state;
	atomic_store(&over, false);
	for (unsigned i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, read_much, &wrong[i]), 0);
	assert_int_equal(pthread_create(&writer, NULL, write_much, NULL), 0);
	pthread_join(writer, NULL);
	for (unsigned i = 0; i < READERS; i++) {
		pthread_join(readers[i], NULL);
		assert_int_equal(wrong[i], 0);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(it_counts_for_nothing_before_it_is_written),
		TEST(what_was_written_last_is_read),
		TEST(as_many_tags_as_there_may_be_are_kept),
		TEST(what_is_read_beside_a_writer_is_of_one_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
