/* SPDX-License-Identifier: Apache-2.0 */
/* Prefer: advice is found or ignored, the one promise in it is refused when it cannot be read. */
#include "http/head/prefer.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct loop *loop;
static struct request *request;

static int start(void **state)
{
	loop = loop_new("test");
	request = request_new(loop);
	return 0;
}

static int stop(void **state)
{
	request_free(request);
	request_cache_fini();
	loop_free(loop);
	return 0;
}

/* Into a fresh request; lines: values of Prefer, ends with NULL. */
static bool read_lines(enum request_kind kind, const char *const *lines)
{
	struct head head = { .count = 0 };

	for (; *lines; lines++)
		head.headers[head.count++] = (struct header){
			.name = TEXT("Prefer"),
			.value = text_of(*lines),
		};
	request_free(request);
	request = request_new(loop);
	request->kind = kind;
	return prefer_read(&head, request);
}

#define COMMAND(...) read_lines(REQUEST_COMMAND, (const char *const[]){ __VA_ARGS__, NULL })
#define QUERY(...) read_lines(REQUEST_QUERY, (const char *const[]){ __VA_ARGS__, NULL })

static const char *applied(void)
{
	static struct buf out;

	buf_clear(&out);
	prefer_applied(request, &out);
	buf_byte(&out, '\0');
	return out.ptr;
}

static void test_preferences_are_found_among_others(void **state)
{
	assert_true(COMMAND("respond-async, WAIT=10;x=\"a,b\", return=minimal; x=y",
			    "wait-replicas = \"2\""));
	assert_true(request->minimal);
	assert_int_equal(request->prefer_wait_us, 10 * US_PER_S);
	assert_int_equal(request->prefer_replicas, 2);
	assert_true(COMMAND("wait=10", "Return=\"minimal\""));
	assert_true(request->minimal);
}

static void test_what_is_not_said_is_not_set(void **state)
{
	assert_true(COMMAND("return=representation, foo;;, =, ;wait=1, x=\"wait-replicas=1\""));
	assert_false(request->minimal);
	assert_int_equal(request->prefer_wait_us, -1);
	assert_int_equal(request->prefer_replicas, -1);
}

static void test_a_quoted_comma_ends_no_preference(void **state)
{
	assert_true(COMMAND("x=\"a\\\", wait-replicas=3, wait=1\", wait=2"));
	assert_int_equal(request->prefer_replicas, -1);
	assert_int_equal(request->prefer_wait_us, 2 * US_PER_S);
}

static void test_a_wait_may_have_decimals_and_no_end(void **state)
{
	assert_true(COMMAND("wait=0.25"));
	assert_int_equal(request->prefer_wait_us, 250000);
	assert_true(COMMAND("wait=0"));
	assert_int_equal(request->prefer_wait_us, 0);
	assert_true(COMMAND("wait=99999999999999999999999"));
	assert_int_equal(request->prefer_wait_us, 86400 * US_PER_S);
}

static void test_a_wait_that_cannot_be_read_is_ignored(void **state)
{
	static const char *const waits[] = { "wait",    "wait=",   "wait=-1", "wait=1s",
					     "wait=.5", "wait=1.", "wait=\"", "wait=1 2" };

	for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
		assert_true(COMMAND(waits[i]));
		assert_int_equal(request->prefer_wait_us, -1);
	}
}

static void test_the_first_of_a_name_counts(void **state)
{
	assert_true(COMMAND("wait=1, wait=2, wait-replicas=1", "wait-replicas=x, return=minimal",
			    "return=representation"));
	assert_int_equal(request->prefer_wait_us, US_PER_S);
	assert_int_equal(request->prefer_replicas, 1);
	assert_true(request->minimal);
}

static void test_a_number_of_replicas_that_cannot_be_read_is_refused(void **state)
{
	static const char *const numbers[] = {
		"wait-replicas",     "wait-replicas=",   "wait-replicas=all",  "wait-replicas=-1",
		"wait-replicas=1.0", "wait-replicas=+1", "wait-replicas=\"\"", "wait-replicas=0x1"
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		assert_false(COMMAND(numbers[i]));
		assert_int_equal(request->outcome, OUTCOME_BAD_REQUEST);
		assert_true(QUERY(numbers[i]));
	}
}

static void test_a_number_beyond_all_replicas_is_a_number(void **state)
{
	assert_true(COMMAND("wait-replicas=99999999999999999999"));
	assert_int_equal(request->prefer_replicas, NODES_MAX);
	assert_true(COMMAND("wait-replicas=0"));
	assert_int_equal(request->prefer_replicas, 0);
}

static void test_a_wait_ends_with_the_deadline(void **state)
{
	assert_true(COMMAND("wait=3"));
	request->born_us = US_PER_S;
	request->deadline_us = 6 * US_PER_S;
	assert_int_equal(request_wait_until_us(request), 4 * US_PER_S);
	request->deadline_us = 2 * US_PER_S;
	assert_int_equal(request_wait_until_us(request), 2 * US_PER_S);
	request->prefer_wait_us = -1;
	assert_int_equal(request_wait_until_us(request), 2 * US_PER_S);
}

static void test_what_was_applied_is_said(void **state)
{
	assert_true(COMMAND("wait=3.05, wait-replicas=2, return=minimal"));
	request->born_us = US_PER_S;
	request->deadline_us = 6 * US_PER_S;
	assert_string_equal(applied(), "return=minimal");
	request->replicas_applied = 0;
	request->wait_applied = true;
	assert_string_equal(applied(), "return=minimal, wait-replicas=0, wait=3.05");
	request->outcome = OUTCOME_NOT_FOUND;
	request->deadline_us = 3 * US_PER_S;
	assert_string_equal(applied(), "wait-replicas=0, wait=2");
	request->prefer_wait_us = -1;
	request->replicas_applied = -1;
	assert_string_equal(applied(), "");
}

static void test_a_query_applies_none(void **state)
{
	assert_true(QUERY("wait=3, wait-replicas=2, return=minimal"));
	assert_int_equal(request->prefer_replicas, -1);
	assert_string_equal(applied(), "");
}

static void test_a_command_may_be_answered_before_it_is_done(void **state)
{
	assert_true(COMMAND("wait=1"));
	assert_int_equal(request->respond, RESPOND_DONE);
	assert_null(request->not_before.ptr);
	assert_true(COMMAND("Respond-Async, not-before=\"2026-12-01T00:00:00Z\""));
	assert_int_equal(request->respond, RESPOND_ASYNC);
	assert_true(text_is(request->not_before, "2026-12-01T00:00:00Z"));
	assert_true(COMMAND("not-before=\"2026-12-01T00:00:00Z\", not-before=\"x\""));
	assert_true(text_is(request->not_before, "2026-12-01T00:00:00Z"));
}

/* Run at once it would do something else than its client asks for. */
static void test_a_time_that_cannot_be_read_is_refused(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = {
		{ "2026-12-01T00:00:00Z", true },
		{ "2026-12-01t23:59:59z", true },
		{ "2026-12-01T00:00:00.123456789+14:00", true },
		{ "0001-01-01T00:00:00-15:59", true },
		{ "0001-01-01T00:00:00+00:01", false },
		{ "0001-01-02T00:00:00+15:59", true },
		{ "9999-12-31T23:59:59Z", true },
		{ "9999-12-31T23:59:59.999999+00:00", true },
		{ "9999-12-31T23:59:59.1+00:00", true },
		{ "9999-12-31T23:59:59.9999999Z", false },
		{ "9999-12-31T23:59:59-00:01", false },
		{ "9999-12-30T23:59:59.9999999Z", true },
		{ "2024-02-29T00:00:00Z", true },
		{ "2000-02-29T00:00:00Z", true },
		{ "1900-02-29T00:00:00Z", false },
		{ "2026-02-29T00:00:00Z", false },
		{ "2026-11-31T00:00:00Z", false },
		{ "2026-13-01T00:00:00Z", false },
		{ "2026-00-01T00:00:00Z", false },
		{ "2026-12-00T00:00:00Z", false },
		{ "0000-12-01T00:00:00Z", false },
		{ "2026-12-01T24:00:00Z", false },
		{ "2026-12-01T00:60:00Z", false },
		{ "2026-12-01T23:59:60Z", false },
		{ "2026-12-01T00:00Z", false },
		{ "2026-12-01T00:00:00", false },
		{ "2026-12-01T00:00:00.Z", false },
		{ "2026-12-01T00:00:00.1234567890Z", false },
		{ "2026-12-01T00:00:00+16:00", false },
		{ "2026-12-01T00:00:00+0100", false },
		{ "2026-12-01T00:00:00Z ", false },
		{ "2026-12-01 00:00:00Z", false },
		{ "2026-12-1T00:00:00Z", false },
		{ "20261201T000000Z", false },
		{ "+026-12-01T00:00:00Z", false },
		{ "now", false },
		{ "", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char line[80];

		snprintf(line, sizeof(line), "respond-async, not-before=\"%s\"", rows[i].text);
		if (COMMAND(line) != rows[i].good)
			fail_msg("%s", rows[i].text);
		assert_int_equal(request->outcome, rows[i].good ? OUTCOME_OK : OUTCOME_BAD_REQUEST);
		assert_true(QUERY(line));
	}
}

static void test_an_acceptance_is_what_was_applied(void **state)
{
	assert_true(COMMAND("return=minimal"));
	request->job = TEXT("06A");
	request->status = 202;
	assert_string_equal(applied(), "respond-async");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_command_may_be_answered_before_it_is_done),
		cmocka_unit_test(test_a_time_that_cannot_be_read_is_refused),
		cmocka_unit_test(test_an_acceptance_is_what_was_applied),
		cmocka_unit_test(test_preferences_are_found_among_others),
		cmocka_unit_test(test_what_is_not_said_is_not_set),
		cmocka_unit_test(test_a_quoted_comma_ends_no_preference),
		cmocka_unit_test(test_a_wait_may_have_decimals_and_no_end),
		cmocka_unit_test(test_a_wait_that_cannot_be_read_is_ignored),
		cmocka_unit_test(test_the_first_of_a_name_counts),
		cmocka_unit_test(test_a_number_of_replicas_that_cannot_be_read_is_refused),
		cmocka_unit_test(test_a_number_beyond_all_replicas_is_a_number),
		cmocka_unit_test(test_a_wait_ends_with_the_deadline),
		cmocka_unit_test(test_what_was_applied_is_said),
		cmocka_unit_test(test_a_query_applies_none),
	};

	return cmocka_run_group_tests_name("prefer", tests, start, stop);
}
