/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of a walsender as PostgreSQL documents them; nothing that is cut short is read. */
#include "router/feed/pgoutput.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The head of a message with data: two positions, and the server's clock. */
#define DATA "w\0\0\0\1\0\0\0\2\0\0\0\1\0\0\0\3\0\0\0\0\0\0\0\4"
#define WHEN "\0\1\2\3\4\5\6\7"
#define OID_A "\0\0\x4e\x21" /* 20001 */
#define OID_B "\0\0\x4e\x22"
/* Two columns: a text of three bytes and a null; or one unchanged, one binary of none. */
#define TUPLE "\0\2t\0\0\0\3abcn"
#define TUPLE_OTHER "\0\2ub\0\0\0\0"

static const struct message {
	struct text bytes;
	enum pgoutput_kind kind;
	uint64_t lsn;
	unsigned relations;
	bool wants_reply;
} messages[] = {
	{ TEXT("k\0\0\0\1\0\0\0\2" WHEN "\0"), PGOUTPUT_KEEPALIVE, 0x100000002, 0, false },
	{ TEXT("k\0\0\0\1\0\0\0\3" WHEN "\1"), PGOUTPUT_KEEPALIVE, 0x100000003, 0, true },
	{ TEXT(DATA "B\0\0\0\1\0\0\0\5" WHEN "\0\0\2\1"), PGOUTPUT_BEGIN, 0x100000005, 0, false },
	{ TEXT(DATA "C\0\0\0\0\1\0\0\0\5\0\0\0\1\0\0\0\7" WHEN), PGOUTPUT_COMMIT, 0x100000007, 0,
	  false },
	{ TEXT(DATA "I" OID_A "N" TUPLE), PGOUTPUT_CHANGE, 0, 1, false },
	{ TEXT(DATA "I" OID_A "N\0\0"), PGOUTPUT_CHANGE, 0, 1, false },
	{ TEXT(DATA "U" OID_A "N" TUPLE), PGOUTPUT_CHANGE, 0, 1, false },
	{ TEXT(DATA "U" OID_A "K" TUPLE "N" TUPLE_OTHER), PGOUTPUT_CHANGE, 0, 1, false },
	{ TEXT(DATA "U" OID_A "O" TUPLE_OTHER "N" TUPLE), PGOUTPUT_CHANGE, 0, 1, false },
	{ TEXT(DATA "D" OID_A "K" TUPLE), PGOUTPUT_CHANGE, 0, 1, false },
	{ TEXT(DATA "D" OID_A "O" TUPLE), PGOUTPUT_CHANGE, 0, 1, false },
	{ TEXT(DATA "T\0\0\0\1\0" OID_A), PGOUTPUT_CHANGE, 0, 1, false },
	{ TEXT(DATA "T\0\0\0\2\3" OID_A OID_B), PGOUTPUT_CHANGE, 0, 2, false },
	{ TEXT(DATA "R" OID_A "public\0t\0d\0\2\1id\0\0\0\0\x17\xff\xff\xff\xff\0"
		    "n\0\0\0\0\x17\xff\xff\xff\xff"),
	  PGOUTPUT_RELATION, 0, 1, false },
	{ TEXT(DATA "R" OID_A "\0t\0f\0\0"), PGOUTPUT_RELATION, 0, 1, false },
	{ TEXT(DATA "Y" OID_B "public\0mood\0"), PGOUTPUT_NOTHING, 0, 0, false },
	{ TEXT(DATA "O\0\0\0\1\0\0\0\5elsewhere\0"), PGOUTPUT_NOTHING, 0, 0, false },
	{ TEXT(DATA "M\1\0\0\0\1\0\0\0\5prefix\0\0\0\0\2hi"), PGOUTPUT_NOTHING, 0, 0, false },
};

#define MESSAGES (sizeof(messages) / sizeof(messages[0]))

/* In memory of its own, so that a sanitizer sees each byte that is read beyond. */
static bool take(struct text bytes, size_t len, struct pgoutput_event *event)
{
	char *copy = malloc(len ? len : 1);
	bool good;

	assert_non_null(copy);
	memcpy(copy, bytes.ptr, len < bytes.len ? len : bytes.len);
	if (len > bytes.len)
		memset(copy + bytes.len, 0, len - bytes.len);
	good = pgoutput_read((struct text){ copy, len }, event);
	if (good)
		for (uint32_t i = 0; i < event->relations_count; i++)
			assert_int_equal(pgoutput_relation(event, i), 20001 + i);
	free(copy);
	return good;
}

static void test_each_message_says_what_it_is(void **state)
{
	for (size_t i = 0; i < MESSAGES; i++) {
		const struct message *message = &messages[i];
		struct pgoutput_event event;

		assert_true(take(message->bytes, message->bytes.len, &event));
		assert_int_equal(event.kind, message->kind);
		assert_int_equal(event.lsn, message->lsn);
		assert_int_equal(event.relations_count, message->relations);
		assert_int_equal(event.wants_reply, message->wants_reply);
	}
}

static void test_a_relation_says_what_it_and_its_columns_are_called(void **state)
{
	struct text bytes = TEXT(DATA "R" OID_A "public\0t\0d\0\2\1id\0\0\0\0\x17\xff\xff\xff\xff\0"
				      "n\0\0\0\0\x17\xff\xff\xff\xff");
	struct pgoutput_event event;

	assert_true(pgoutput_read(bytes, &event));
	assert_true(text_is(event.schema, "public"));
	assert_true(text_is(event.name, "t"));
	assert_int_equal(pgoutput_column(&event, "id"), 0);
	assert_int_equal(pgoutput_column(&event, "n"), 1);
	assert_int_equal(pgoutput_column(&event, "i"), UINT16_MAX);
}

static void test_a_row_that_is_inserted_has_values(void **state)
{
	struct pgoutput_event event;

	assert_true(pgoutput_read((struct text)TEXT(DATA "I" OID_A "N" TUPLE), &event));
	assert_true(text_is(pgoutput_value(&event, 0), "abc"));
	assert_null(pgoutput_value(&event, 1).ptr);
	assert_null(pgoutput_value(&event, 2).ptr);
	assert_null(pgoutput_value(&event, UINT16_MAX).ptr);
	assert_true(pgoutput_read((struct text)TEXT(DATA "I" OID_A "N" TUPLE_OTHER), &event));
	assert_null(pgoutput_value(&event, 0).ptr);
	assert_null(pgoutput_value(&event, 1).ptr);
	assert_true(pgoutput_read((struct text)TEXT(DATA "U" OID_A "N" TUPLE), &event));
	assert_null(event.row.ptr);
}

static void test_what_is_cut_short_anywhere_is_refused(void **state)
{
	for (size_t i = 0; i < MESSAGES; i++)
		for (size_t len = 0; len < messages[i].bytes.len; len++) {
			struct pgoutput_event event;

			assert_false(take(messages[i].bytes, len, &event));
		}
}

static void test_what_goes_on_behind_its_end_is_refused(void **state)
{
	for (size_t i = 0; i < MESSAGES; i++) {
		struct pgoutput_event event;

		assert_false(take(messages[i].bytes, messages[i].bytes.len + 1, &event));
	}
}

static void test_lengths_that_lie_are_refused(void **state)
{
	static const struct text lies[] = {
		TEXT(DATA "T\xff\xff\xff\xff\0" OID_A),
		TEXT(DATA "T\0\0\0\0\0" OID_A),
		TEXT(DATA "I" OID_A "N\0\1t\xff\xff\xff\xff"),
		TEXT(DATA "I" OID_A "N\xff\xff"
			  "nnn"),
		TEXT(DATA "R" OID_A "a\0b\0d\xff\xff"),
		TEXT(DATA "M\0\0\0\0\0\0\0\0\0p\0\xff\xff\xff\xff"),
	};

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct pgoutput_event event;

		assert_false(take(lies[i], lies[i].len, &event));
	}
}

static void test_what_the_protocol_does_not_know_is_refused(void **state)
{
	static const struct text strange[] = {
		TEXT("x"),
		TEXT(DATA "Z"),
		TEXT(DATA "S\0\0\2\1\1"), /* a transaction that is streamed before its end */
		TEXT(DATA "I" OID_A "O" TUPLE),
		TEXT(DATA "U" OID_A "K" TUPLE "K" TUPLE),
		TEXT(DATA "D" OID_A "N" TUPLE),
		TEXT(DATA "I" OID_A "N\0\1x"),
	};

	for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
		struct pgoutput_event event;

		assert_false(take(strange[i], strange[i].len, &event));
	}
}

static void test_a_status_says_thrice_how_far_we_are(void **state)
{
	static const char lsn[] = "\0\0\0\1\xab\0\0\2";
	char status[PGOUTPUT_STATUS_BYTES];

	pgoutput_write_status(status, 0x1ab000002, true);

	assert_int_equal(status[0], 'r');
	for (unsigned i = 0; i < 3; i++)
		assert_memory_equal(status + 1 + 8 * i, lsn, 8);
	assert_int_equal(status[33], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_message_says_what_it_is),
		cmocka_unit_test(test_a_relation_says_what_it_and_its_columns_are_called),
		cmocka_unit_test(test_a_row_that_is_inserted_has_values),
		cmocka_unit_test(test_what_is_cut_short_anywhere_is_refused),
		cmocka_unit_test(test_what_goes_on_behind_its_end_is_refused),
		cmocka_unit_test(test_lengths_that_lie_are_refused),
		cmocka_unit_test(test_what_the_protocol_does_not_know_is_refused),
		cmocka_unit_test(test_a_status_says_thrice_how_far_we_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
