/* SPDX-License-Identifier: Apache-2.0 */
/* A value that one thread publishes and many read. */
#include "base/snapshot.h"

#include <assert.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define READERS 3
#define PUBLICATIONS 20000

struct value {
	uint64_t numbers[100]; /* all the same in a value that is whole */
};

static struct snapshot *snapshot;
static _Atomic int reading, ended;

static int setup(void **state)
{
	snapshot = snapshot_new(sizeof(struct value));
	atomic_store(&reading, 0);
	atomic_store(&ended, 0);
	return 0;
}

static int teardown(void **state)
{
	snapshot_free(snapshot);
	return 0;
}

static void publish(uint64_t number)
{
	struct value value;

	for (size_t i = 0; i < 100; i++)
		value.numbers[i] = number;
	snapshot_publish(snapshot, &value);
}

static void nothing_is_read_before_the_first_publication(void **state)
{
	struct snapshot_reader *reader = snapshot_reader_new(snapshot);
	struct value value = { { 7 } };

	assert_true(snapshot_version(snapshot) == 0);
	assert_true(snapshot_read(reader, &value) == 0);
	assert_true(value.numbers[0] == 7);
	snapshot_reader_free(reader);
}

static void a_reader_gets_a_copy_of_the_newest_value(void **state)
{
	struct snapshot_reader *reader = snapshot_reader_new(snapshot);
	struct value value;

	publish(1);
	publish(2);
	assert_true(snapshot_version(snapshot) == 2);
	assert_true(snapshot_read(reader, &value) == 2);
	assert_true(value.numbers[99] == 2);
	publish(3);
	assert_true(value.numbers[0] == 2);
	assert_true(snapshot_read(reader, &value) == 3);
	snapshot_reader_free(reader);
}

static void readers_that_come_and_go_are_used_again(void **state)
{
	struct snapshot_reader *first = snapshot_reader_new(snapshot), *second;
	struct value value;

	snapshot_reader_free(first);
	second = snapshot_reader_new(snapshot);
	assert_ptr_equal(first, second);
	publish(1);
	assert_true(snapshot_read(second, &value) == 1);
	snapshot_reader_free(second);
}

static void *read_on(void *unused)
{
	struct snapshot_reader *reader = snapshot_reader_new(snapshot);
	struct value value;
	uint64_t last = 0;

	(void)unused;
	while (last < PUBLICATIONS) {
		uint64_t version = snapshot_read(reader, &value);

		/* Whole, never going back, and at least as new as what was announced. */
		assert(version >= last);
		for (size_t i = 0; version && i < 100; i++)
			assert(value.numbers[i] == version);
		if (version && !last)
			atomic_fetch_add(&reading, 1);
		last = snapshot_version(snapshot);
	}
	atomic_fetch_add(&ended, 1);
	snapshot_reader_free(reader);
	return NULL;
}

static void many_readers_see_whole_values_while_one_thread_publishes(void **state)
{
	pthread_t threads[READERS];

	publish(1);
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_on, NULL), 0);
	while (atomic_load(&reading) < READERS)
		;
	for (uint64_t number = 2; number <= PUBLICATIONS; number++)
		publish(number);
	for (int i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&ended), READERS);
}

/* --- values that point at more --------------------------------------------------------------- */

static atomic_uint buried;

static void bury(void *value)
{
	free(*(char **)value);
	atomic_fetch_add(&buried, 1);
}

static int setup_pointers(void **state)
{
	snapshot = snapshot_new(sizeof(char *));
	snapshot_on_bury(snapshot, bury);
	atomic_store(&buried, 0);
	atomic_store(&reading, 0);
	return 0;
}

static void publish_string(const char *string)
{
	char *copy = strdup(string);

	assert_non_null(copy);
	snapshot_publish(snapshot, &copy);
}

static void nothing_can_be_entered_before_the_first_publication(void **state)
{
	struct snapshot_reader *reader = snapshot_reader_new(snapshot);

	assert_null(snapshot_enter(reader));
	snapshot_leave(reader);
	snapshot_reader_free(reader);
}

static void what_was_entered_outlives_newer_publications_until_it_is_left(void **state)
{
	struct snapshot_reader *reader = snapshot_reader_new(snapshot);
	char *const *value;

	publish_string("one");
	value = snapshot_enter(reader);
	for (int i = 0; i < 100; i++)
		publish_string("more");
	assert_string_equal(*value, "one");
	snapshot_leave(reader);
	value = snapshot_enter(reader);
	assert_string_equal(*value, "more");
	snapshot_leave(reader);
	snapshot_reader_free(reader);
}

static void each_value_is_buried_once(void **state)
{
	for (int i = 0; i < 100; i++)
		publish_string("value");
	/* Without a reader the older ones go at once, or soon. */
	assert_in_range(atomic_load(&buried), 90, 99);
	snapshot_free(snapshot);
	assert_int_equal(atomic_load(&buried), 100);
	snapshot = snapshot_new(1);
}

static void *enter_on(void *unused)
{
	struct snapshot_reader *reader = snapshot_reader_new(snapshot);
	bool last = false;

	(void)unused;
	while (!last) {
		char *const *value = snapshot_enter(reader);
		size_t len = strlen(*value);

		/* A string of one letter, all the same, however long it is looked at. */
		for (size_t i = 0; i < len; i++)
			assert((*value)[i] == (*value)[0]);
		last = len && (*value)[0] == 'z';
		snapshot_leave(reader);
		if (atomic_load(&reading) < READERS)
			atomic_fetch_add(&reading, 1);
	}
	snapshot_reader_free(reader);
	return NULL;
}

static void readers_never_see_what_was_buried(void **state)
{
	pthread_t threads[READERS];

	publish_string("aaaaaaaa");
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, enter_on, NULL), 0);
	while (atomic_load(&reading) < READERS)
		;
	for (int number = 0; number < PUBLICATIONS; number++)
		publish_string(number % 2 ? "bbbbbbbbbbbbbbbb" : "cccc");
	publish_string("zz");
	for (int i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_read_before_the_first_publication, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_reader_gets_a_copy_of_the_newest_value, setup,
						teardown),
		cmocka_unit_test_setup_teardown(readers_that_come_and_go_are_used_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			many_readers_see_whole_values_while_one_thread_publishes, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_can_be_entered_before_the_first_publication,
						setup_pointers, teardown),
		cmocka_unit_test_setup_teardown(
			what_was_entered_outlives_newer_publications_until_it_is_left,
			setup_pointers, teardown),
		cmocka_unit_test_setup_teardown(each_value_is_buried_once, setup_pointers,
						teardown),
		cmocka_unit_test_setup_teardown(readers_never_see_what_was_buried, setup_pointers,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
