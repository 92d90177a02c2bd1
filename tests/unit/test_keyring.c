/* SPDX-License-Identifier: Apache-2.0 */
/* links: key_story.c */
/* Which key is it, and is it good? And where keyrings come from. */
#include "http/auth/key_store.h"
#include "http/auth/key_text.h"
#include "http/auth/keyring.h"

#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "key_story.h"

#define NOW_S 1800000000 /* 2027-01-15T08:00:00Z */
#define S_US INT64_C(1000000)

static struct hasher *hasher;
static struct keyring *keyring;
static const struct api_key *found;

static int begin(void **state)
{
	hasher = hasher_new();
	keyring = NULL;
	return 0;
}

static int end(void **state)
{
	hasher_free(hasher);
	if (keyring)
		keyring_free(keyring);
	return 0;
}

/* Its line, with more attributes; its name is its id. */
static void add_line(struct buf *lines, const char *id, uint8_t secret, const char *more)
{
	key_story_add_line(lines, key_story_text(id, secret), id, more);
}

static struct text text_in(const struct buf *buf)
{
	return (struct text){ buf->ptr, buf->len };
}

static void make(enum keyring_state of_database, const struct buf *file, const struct buf *database)
{
	struct keyring_lines lines = {
		.of_file = text_in(file),
		.of_database = text_in(database),
	};

	if (keyring)
		keyring_free(keyring);
	keyring = keyring_new(of_database, &lines, 7);
}

static enum key_verdict find(const char *text)
{
	return keyring_find(keyring, hasher, text_of(text), NOW_S, &found);
}

static void a_key_is_found_by_its_text(void **state)
{
	struct buf none = { 0 }, lines = { 0 };

	add_line(&lines, "web", 1, "roles=app acts-for=any");
	add_line(&lines, "jobs", 2, "");
	make(KEYRING_IN_USE, &none, &lines);
	assert_int_equal(find(key_story_text("web", 1)), KEY_GOOD);
	assert_true(text_is(found->principal->id, "key:web"));
	assert_int_equal(find(key_story_text("jobs", 2)), KEY_GOOD);
	assert_true(text_is(found->name, "jobs"));
	assert_int_equal(keyring_counts(keyring)->of_database, 2);
	buf_fini(&lines);
}

static void another_secret_another_id_and_another_text_are_told_apart(void **state)
{
	struct buf none = { 0 }, lines = { 0 };

	add_line(&lines, "web", 1, "");
	make(KEYRING_IN_USE, &none, &lines);
	assert_int_equal(find(key_story_text("web", 2)), KEY_WRONG);
	assert_null(found);
	assert_int_equal(find(key_story_text("bew", 1)), KEY_NO_SUCH);
	assert_null(found);
	assert_int_equal(find("cq_web_"), KEY_MALFORMED);
	assert_int_equal(find(""), KEY_MALFORMED);
	buf_fini(&lines);
}

/* The secret alone is not the key: the id and the secret belong together. */
static void a_secret_does_not_open_with_the_id_of_another_key(void **state)
{
	struct buf none = { 0 }, lines = { 0 };

	add_line(&lines, "web", 1, "");
	add_line(&lines, "root", 2, "roles=admin");
	make(KEYRING_IN_USE, &none, &lines);
	assert_int_equal(find(key_story_text("root", 1)), KEY_WRONG);
	buf_fini(&lines);
}

static void a_key_ends_at_its_moment(void **state)
{
	struct buf none = { 0 }, lines = { 0 };

	add_line(&lines, "web", 1, "expires=2027-01-15T08:00:01Z");
	make(KEYRING_IN_USE, &none, &lines);
	assert_int_equal(
		keyring_find(keyring, hasher, text_of(key_story_text("web", 1)), NOW_S, &found),
		KEY_GOOD);
	assert_int_equal(
		keyring_find(keyring, hasher, text_of(key_story_text("web", 1)), NOW_S + 1, &found),
		KEY_EXPIRED);
	assert_non_null(found);
	/* That it has expired is no news for one who does not have it. */
	assert_int_equal(
		keyring_find(keyring, hasher, text_of(key_story_text("web", 2)), NOW_S + 1, &found),
		KEY_WRONG);
	buf_fini(&lines);
}

/* rotate: the new key at once, the old one until the overlap is over. */
static void both_keys_of_a_rotation_are_good_until_the_overlap_is_over(void **state)
{
	struct buf none = { 0 }, lines = { 0 };
	int64_t over_s = NOW_S + 3600;

	add_line(&lines, "old", 1, "expires=2027-01-15T09:00:00Z replaced-by=new");
	add_line(&lines, "new", 2, "");
	make(KEYRING_IN_USE, &none, &lines);
	for (int64_t now_s = NOW_S; now_s < over_s + 10; now_s++) {
		assert_int_equal(keyring_find(keyring, hasher, text_of(key_story_text("old", 1)),
					      now_s, &found),
				 now_s < over_s ? KEY_GOOD : KEY_EXPIRED);
		assert_int_equal(keyring_find(keyring, hasher, text_of(key_story_text("new", 2)),
					      now_s, &found),
				 KEY_GOOD);
	}
	buf_fini(&lines);
}

static void a_revoked_key_is_refused_and_counted(void **state)
{
	struct buf none = { 0 }, lines = { 0 };

	add_line(&lines, "web", 1, "revoked=2027-01-01T00:00:00Z");
	make(KEYRING_IN_USE, &none, &lines);
	assert_int_equal(find(key_story_text("web", 1)), KEY_REVOKED);
	assert_int_equal(keyring_counts(keyring)->of_database, 0);
	assert_int_equal(keyring_counts(keyring)->revoked, 1);
	buf_fini(&lines);
}

static void while_the_database_is_unknown_only_keys_of_the_file_are_known(void **state)
{
	struct buf file = { 0 }, none = { 0 };

	make(KEYRING_UNKNOWN, &none, &none);
	assert_int_equal(find(key_story_text("web", 1)), KEY_KEYS_UNKNOWN);
	assert_int_equal(find("cq_web_"), KEY_MALFORMED);
	add_line(&file, "web", 1, "");
	make(KEYRING_UNKNOWN, &file, &none);
	assert_int_equal(find(key_story_text("web", 1)), KEY_GOOD);
	assert_int_equal(find(key_story_text("web", 2)), KEY_WRONG);
	assert_int_equal(find(key_story_text("jobs", 1)), KEY_KEYS_UNKNOWN);
	assert_int_equal(keyring_state(keyring), KEYRING_UNKNOWN);
	buf_fini(&file);
}

static void a_key_of_the_file_is_a_key_that_ever_was(void **state)
{
	struct buf file = { 0 }, none = { 0 };

	make(KEYRING_NEVER, &none, &none);
	assert_int_equal(keyring_state(keyring), KEYRING_NEVER);
	add_line(&file, "web", 1, "");
	make(KEYRING_NEVER, &file, &none);
	assert_int_equal(keyring_state(keyring), KEYRING_IN_USE);
	make(KEYRING_UNMIGRATED, &file, &none);
	assert_int_equal(keyring_state(keyring), KEYRING_IN_USE);
	make(KEYRING_UNMIGRATED, &none, &none);
	assert_int_equal(keyring_state(keyring), KEYRING_UNMIGRATED);
	buf_fini(&file);
}

static void where_both_have_an_id_the_line_of_the_file_counts(void **state)
{
	struct buf file = { 0 }, lines = { 0 };

	add_line(&file, "web", 1, "");
	add_line(&lines, "web", 2, "");
	make(KEYRING_IN_USE, &file, &lines);
	assert_int_equal(find(key_story_text("web", 1)), KEY_GOOD);
	assert_int_equal(find(key_story_text("web", 2)), KEY_WRONG);
	assert_int_equal(keyring_counts(keyring)->doubled, 1);
	buf_fini(&file);
	buf_fini(&lines);
}

static void a_row_that_cannot_be_read_harms_no_other(void **state)
{
	struct buf none = { 0 }, lines = { 0 };

	add_line(&lines, "web", 1, "");
	buf_string(&lines, "\nnonsense\n");
	add_line(&lines, "jobs", 2, "");
	make(KEYRING_IN_USE, &none, &lines);
	assert_int_equal(find(key_story_text("web", 1)), KEY_GOOD);
	assert_int_equal(find(key_story_text("jobs", 2)), KEY_GOOD);
	assert_int_equal(keyring_counts(keyring)->wrong, 1);
	buf_fini(&lines);
}

static void thousands_of_keys_are_told_apart(void **state)
{
	struct buf none = { 0 }, lines = { 0 };
	char id[16];

	for (int i = 0; i < 3000; i++) {
		snprintf(id, sizeof(id), "k%d", i);
		add_line(&lines, id, (uint8_t)i, "");
	}
	make(KEYRING_IN_USE, &none, &lines);
	assert_int_equal(keyring_count(keyring), 3000);
	for (int i = 0; i < 3000; i++) {
		snprintf(id, sizeof(id), "k%d", i);
		assert_int_equal(find(key_story_text(id, (uint8_t)i)), KEY_GOOD);
		assert_true(text_is(found->id, id));
		assert_int_equal(find(key_story_text(id, (uint8_t)(i + 1))), KEY_WRONG);
		assert_int_equal(keyring_take_used(keyring, (size_t)i), 1);
		assert_int_equal(keyring_take_used(keyring, (size_t)i), 0);
	}
	buf_fini(&lines);
}

/* --- the store ------------------------------------------------------------------------------- */

static struct key_store *store;
static struct snapshot_reader *reader;

static int begin_store(void **state)
{
	store = key_store_new();
	reader = snapshot_reader_new(key_store_snapshot(store));
	return begin(state);
}

static int end_store(void **state)
{
	snapshot_reader_free(reader);
	key_store_free(store);
	return end(state);
}

static void tell(enum keyring_state of_database, int64_t as_of_us, const struct buf *lines)
{
	struct text text = lines ? text_in(lines) : (struct text){ NULL, 0 };

	key_store_tell(store, of_database, as_of_us, lines ? &text : NULL);
}

static enum key_verdict find_now(const char *text)
{
	enum key_verdict verdict =
		keyring_find(key_store_enter(reader), hasher, text_of(text), NOW_S, &found);

	snapshot_leave(reader);
	return verdict;
}

static enum keyring_state state_now(void)
{
	enum keyring_state is = keyring_state(key_store_enter(reader));

	snapshot_leave(reader);
	return is;
}

static void nothing_is_known_before_the_database_has_told(void **state)
{
	assert_int_equal(state_now(), KEYRING_UNKNOWN);
	assert_int_equal(find_now(key_story_text("web", 1)), KEY_KEYS_UNKNOWN);
}

static void what_the_database_tells_holds_at_once(void **state)
{
	struct buf lines = { 0 }, none = { 0 };

	tell(KEYRING_NEVER, S_US, &none);
	assert_int_equal(state_now(), KEYRING_NEVER);
	add_line(&lines, "web", 1, "");
	tell(KEYRING_IN_USE, 2 * S_US, &lines);
	assert_int_equal(find_now(key_story_text("web", 1)), KEY_GOOD);
	tell(KEYRING_IN_USE, 3 * S_US, &none);
	assert_int_equal(find_now(key_story_text("web", 1)), KEY_NO_SUCH);
	assert_int_equal(state_now(), KEYRING_IN_USE);
	buf_fini(&lines);
}

static void a_keyring_is_made_only_when_something_has_changed(void **state)
{
	struct buf lines = { 0 };
	uint64_t version;

	add_line(&lines, "web", 1, "");
	tell(KEYRING_IN_USE, S_US, &lines);
	version = snapshot_version(key_store_snapshot(store));
	for (int i = 2; i < 100; i++) {
		tell(KEYRING_IN_USE, i * S_US, i % 2 ? &lines : NULL);
		key_store_age(store, i * S_US);
	}
	assert_true(snapshot_version(key_store_snapshot(store)) == version);
	buf_fini(&lines);
}

static void what_is_older_than_five_minutes_is_given_up_and_comes_back(void **state)
{
	struct buf lines = { 0 };

	add_line(&lines, "web", 1, "");
	tell(KEYRING_IN_USE, S_US, &lines);
	key_store_age(store, S_US + KEYS_AGE_US_MAX);
	assert_int_equal(find_now(key_story_text("web", 1)), KEY_GOOD);
	key_store_age(store, S_US + KEYS_AGE_US_MAX + 1);
	assert_int_equal(find_now(key_story_text("web", 1)), KEY_KEYS_UNKNOWN);
	/* The same as before: the lines are not sent again. */
	tell(KEYRING_IN_USE, 400 * S_US, NULL);
	assert_int_equal(find_now(key_story_text("web", 1)), KEY_GOOD);
	buf_fini(&lines);
}

static void a_replica_that_is_behind_does_not_make_the_ring_younger(void **state)
{
	struct buf none = { 0 };
	struct key_store_view view;

	tell(KEYRING_NEVER, 100 * S_US, &none);
	tell(KEYRING_NEVER, 50 * S_US, NULL);
	key_store_age(store, 110 * S_US);
	key_store_view(store, &view);
	assert_int_equal(view.age_us, 10 * S_US);
	assert_int_equal(view.state, KEYRING_NEVER);
}

static void once_there_was_a_key_it_is_for_good(void **state)
{
	struct buf lines = { 0 }, none = { 0 };

	add_line(&lines, "web", 1, "");
	tell(KEYRING_IN_USE, S_US, &lines);
	/* A promotion lost it; a restore lost the table. */
	tell(KEYRING_NEVER, 2 * S_US, &none);
	assert_int_equal(state_now(), KEYRING_IN_USE);
	assert_int_equal(find_now(key_story_text("web", 1)), KEY_NO_SUCH);
	tell(KEYRING_UNMIGRATED, 3 * S_US, NULL);
	assert_int_equal(state_now(), KEYRING_IN_USE);
	buf_fini(&lines);
}

static void the_file_is_taken_over_beside_the_database(void **state)
{
	struct buf file = { 0 }, lines = { 0 };

	add_line(&file, "ops", 3, "");
	add_line(&lines, "web", 1, "");
	key_store_set_file(store, text_in(&file));
	assert_int_equal(find_now(key_story_text("ops", 3)), KEY_GOOD);
	assert_int_equal(find_now(key_story_text("web", 1)), KEY_KEYS_UNKNOWN);
	tell(KEYRING_IN_USE, S_US, &lines);
	assert_int_equal(find_now(key_story_text("ops", 3)), KEY_GOOD);
	assert_int_equal(find_now(key_story_text("web", 1)), KEY_GOOD);
	key_store_set_file(store, TEXT(""));
	assert_int_equal(find_now(key_story_text("ops", 3)), KEY_NO_SUCH);
	assert_int_equal(find_now(key_story_text("web", 1)), KEY_GOOD);
	buf_fini(&file);
	buf_fini(&lines);
}

/* Which ids are to be noted, as a string. */
static const char *used_on(int64_t day)
{
	static struct buf ids;

	buf_clear(&ids);
	key_store_take_used(store, day, &ids);
	buf_byte(&ids, '\0');
	return ids.ptr;
}

static void a_use_is_noted_once_a_day_however_often_it_was_used(void **state)
{
	struct buf lines = { 0 };

	add_line(&lines, "web", 1, "");
	add_line(&lines, "jobs", 2, "last-used=2027-01-15");
	tell(KEYRING_IN_USE, S_US, &lines);
	assert_string_equal(used_on(20833), "");
	for (int i = 0; i < 10; i++)
		assert_int_equal(find_now(key_story_text("web", 1)), KEY_GOOD);
	assert_int_equal(find_now(key_story_text("jobs", 2)), KEY_GOOD);
	/* It was noted by another instance on this day: 2027-01-15. */
	assert_string_equal(used_on(20833), "web");
	assert_int_equal(find_now(key_story_text("web", 1)), KEY_GOOD);
	assert_string_equal(used_on(20833), "");
	assert_string_equal(used_on(20834), "");
	assert_int_equal(find_now(key_story_text("web", 1)), KEY_GOOD);
	assert_int_equal(find_now(key_story_text("jobs", 2)), KEY_GOOD);
	assert_string_equal(used_on(20834), "web jobs");
	buf_fini(&lines);
}

static void a_new_keyring_remembers_what_was_used_and_noted(void **state)
{
	struct buf lines = { 0 };

	add_line(&lines, "web", 1, "");
	add_line(&lines, "jobs", 2, "");
	tell(KEYRING_IN_USE, S_US, &lines);
	assert_int_equal(find_now(key_story_text("web", 1)), KEY_GOOD);
	assert_string_equal(used_on(20833), "web");
	assert_int_equal(find_now(key_story_text("web", 1)), KEY_GOOD);
	assert_int_equal(find_now(key_story_text("jobs", 2)), KEY_GOOD);
	add_line(&lines, "third", 3, "");
	tell(KEYRING_IN_USE, 2 * S_US, &lines);
	assert_string_equal(used_on(20833), "jobs");
	buf_fini(&lines);
}

static void a_refused_key_was_not_used(void **state)
{
	struct buf lines = { 0 };

	add_line(&lines, "web", 1, "revoked=2027-01-01T00:00:00Z");
	add_line(&lines, "jobs", 2, "expires=2027-01-01T00:00:00Z");
	add_line(&lines, "other", 3, "");
	tell(KEYRING_IN_USE, S_US, &lines);
	assert_int_equal(find_now(key_story_text("web", 1)), KEY_REVOKED);
	assert_int_equal(find_now(key_story_text("jobs", 2)), KEY_EXPIRED);
	assert_int_equal(find_now(key_story_text("other", 4)), KEY_WRONG);
	assert_string_equal(used_on(20833), "");
	buf_fini(&lines);
}

int main(void)
{
#define RING(test) cmocka_unit_test_setup_teardown(test, begin, end)
#define STORE(test) cmocka_unit_test_setup_teardown(test, begin_store, end_store)
	const struct CMUnitTest tests[] = {
		RING(a_key_is_found_by_its_text),
		RING(another_secret_another_id_and_another_text_are_told_apart),
		RING(a_secret_does_not_open_with_the_id_of_another_key),
		RING(a_key_ends_at_its_moment),
		RING(both_keys_of_a_rotation_are_good_until_the_overlap_is_over),
		RING(a_revoked_key_is_refused_and_counted),
		RING(while_the_database_is_unknown_only_keys_of_the_file_are_known),
		RING(a_key_of_the_file_is_a_key_that_ever_was),
		RING(where_both_have_an_id_the_line_of_the_file_counts),
		RING(a_row_that_cannot_be_read_harms_no_other),
		RING(thousands_of_keys_are_told_apart),
		STORE(nothing_is_known_before_the_database_has_told),
		STORE(what_the_database_tells_holds_at_once),
		STORE(a_keyring_is_made_only_when_something_has_changed),
		STORE(what_is_older_than_five_minutes_is_given_up_and_comes_back),
		STORE(a_replica_that_is_behind_does_not_make_the_ring_younger),
		STORE(once_there_was_a_key_it_is_for_good),
		STORE(the_file_is_taken_over_beside_the_database),
		STORE(a_use_is_noted_once_a_day_however_often_it_was_used),
		STORE(a_new_keyring_remembers_what_was_used_and_noted),
		STORE(a_refused_key_was_not_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
