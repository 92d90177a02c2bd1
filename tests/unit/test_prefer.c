/* SPDX-License-Identifier: Apache-2.0 */
/* Prefer: advice is found or ignored, the one promise in it is refused when it cannot be read. */
#include "http/head/prefer.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
