/* SPDX-License-Identifier: Apache-2.0 */
/* links: key_story.c */
/* Loops find keys while the monitor's thread publishes others and asks which were used. */
#include "base/limits.h"
#include "http/auth/key_store.h"
#include "http/auth/key_text.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "key_story.h"

#define LOOPS 3
#define CHANGES 300
#define NOW_S 1800000000

static struct key_store *store;
static char stays[KEY_TEXT_BYTES_MAX + 1], goes[KEY_TEXT_BYTES_MAX + 1];
static atomic_bool stopping;
static atomic_uint refused_stays, found_goes, rounds[LOOPS];

static enum key_verdict find(struct snapshot_reader *reader, struct hasher *hasher,
			     const char *text)
{
	const struct api_key *key;
	enum key_verdict verdict =
		keyring_find(key_store_enter(reader), hasher, text_of(text), NOW_S, &key);

	/* It lives as long as one is in it. */
	if (key)
		assert_true(key->name.len > 0);
	snapshot_leave(reader);
	return verdict;
}

static void *ask_on(void *arg)
{
	struct snapshot_reader *reader = snapshot_reader_new(key_store_snapshot(store));
	struct hasher *hasher = hasher_new();
	atomic_uint *round = arg;

	while (!atomic_load(&stopping)) {
		if (find(reader, hasher, stays) != KEY_GOOD)
			atomic_fetch_add(&refused_stays, 1);
		if (find(reader, hasher, goes) == KEY_GOOD)
			atomic_fetch_add(&found_goes, 1);
		atomic_fetch_add(round, 1);
	}
	hasher_free(hasher);
	snapshot_reader_free(reader);
	return NULL;
}

static void tell(bool revoked, int64_t as_of_us)
{
	struct buf lines;
	struct text text;

	buf_init(&lines);
	key_story_add_line(&lines, stays, "stays", "");
	key_story_add_line(&lines, goes, "goes", revoked ? "revoked=2026-11-29T12:00:00Z" : "");
	text = (struct text){ lines.ptr, lines.len };
	key_store_tell(store, KEYRING_IN_USE, as_of_us, &text);
	buf_fini(&lines);
}

static void publish_changes(pthread_t threads[LOOPS], struct buf *used)
{
	tell(false, 1);
	for (size_t i = 0; i < LOOPS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_on, &rounds[i]), 0);
	for (int64_t i = 2; i < CHANGES || !atomic_load(&found_goes); i++) {
		tell(i % 2, i);
		key_store_age(store, i);
		key_store_take_used(store, 20000 + i, used);
	}
}

/* Of each loop. */
static void wait_for_rounds(unsigned more)
{
	unsigned before[LOOPS];

	for (size_t i = 0; i < LOOPS; i++)
		before[i] = atomic_load(&rounds[i]);
	for (size_t i = 0; i < LOOPS; i++)
		while (atomic_load(&rounds[i]) - before[i] < more)
			sched_yield();
}

static void of_loops_that_ask_while_keys_change_none_meets_a_key_that_is_not(void **state)
{
	uint8_t random[32] = { 1 };
	pthread_t threads[LOOPS];
	unsigned found;
	struct buf used;

	buf_init(&used);
	key_text_make(TEXT("stays"), random, stays);
	random[0] = 2;
	key_text_make(TEXT("goes"), random, goes);
	store = key_store_new();
	publish_changes(threads, &used);
	tell(true, INT64_C(1) << 40);
	/* What was under way has ended once each has come around. */
	wait_for_rounds(2);
	found = atomic_load(&found_goes);
	wait_for_rounds(100);
	/* Whatever the changes let them find before, each has asked by now. */
	key_store_take_used(store, 30000, &used);
	atomic_store(&stopping, true);
	for (size_t i = 0; i < LOOPS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&refused_stays), 0);
	assert_int_equal(atomic_load(&found_goes), found);
	buf_byte(&used, 0);
	assert_non_null(strstr(used.ptr, "stays"));
	key_store_free(store);
	buf_fini(&used);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_loops_that_ask_while_keys_change_none_meets_a_key_that_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
