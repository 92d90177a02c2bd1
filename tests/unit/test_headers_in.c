/* SPDX-License-Identifier: Apache-2.0 */
/* Request headers: what is said is read, what would weaken a guarantee when misread is refused. */
#include "http/head/headers_in.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct loop *loop;
static struct request *request;
static struct headers_in in;

static int start(void **state)
{
	loop = loop_new("test");
	request = request_new(loop);
	request->kind = REQUEST_QUERY;
	return 0;
}

static int stop(void **state)
{
	request_free(request);
	request_cache_fini();
	loop_free(loop);
	return 0;
}

static struct head make(const char *const *lines)
{
	struct head head = { .method = TEXT("POST"),
			     .target = TEXT("/"),
			     .version = TEXT("HTTP/1.1") };

	for (; *lines; lines++) {
		const char *colon = strchr(*lines, ':');

		head_add(&head, (struct text){ *lines, (size_t)(colon - *lines) },
			 text_trim(text_of(colon + 1)));
	}
	return head;
}

/* Reads into a fresh request. */
static bool read_lines(const char *const *lines)
{
	struct head head = make(lines);
	enum request_kind kind = request->kind;

	request_free(request);
	request = request_new(loop);
	request->kind = kind;
	headers_in_frame(&head, request, &in);
	return headers_in_read(&head, "X-User-Id", request);
}

#define READ(...) read_lines((const char *const[]){ __VA_ARGS__, NULL })

static void test_nothing_said_is_nothing_set(void **state)
{
	assert_true(READ("Host: a"));
	assert_int_equal(request->level, LEVEL_DEFAULT);
	assert_int_equal(request->staleness_us_max, -1);
	assert_int_equal(request->wait_us_max, -1);
	assert_int_equal(request->tokens_count, 0);
	assert_int_equal(request->urgency, -1);
	assert_null(request->user.ptr);
	assert_false(request->minimal);
	assert_string_equal(request->id, "");
	assert_int_equal(in.content_length, -1);
	assert_false(in.has_body);
	assert_true(in.keep_alive);
	assert_null(request->trace.ptr);
}

static void test_consistency_is_read(void **state)
{
	assert_true(READ("Consistency: session; max-staleness=2.5 ;wait=0.05"));
	assert_int_equal(request->level, LEVEL_SESSION);
	assert_int_equal(request->staleness_us_max, 2500000);
	assert_int_equal(request->wait_us_max, 50000);
	assert_true(READ("consistency: strong"));
	assert_int_equal(request->level, LEVEL_STRONG);
	assert_true(READ("consistency: eventual;wait=0"));
	assert_int_equal(request->wait_us_max, 0);
}

static void test_a_wrong_consistency_is_refused(void **state)
{
	static const char *const lines[] = {
		"Consistency:",
		"Consistency: default",
		"Consistency: Session",
		"Consistency: session, strong",
		"Consistency: session;wait",
		"Consistency: session;wait=",
		"Consistency: session;wait=-1",
		"Consistency: session;wait=1s",
		"Consistency: session;wait=.5",
		"Consistency: session;wait=1.",
		"Consistency: session;wait=0.0000001",
		"Consistency: session;wait=86401",
		"Consistency: session;wait=1e3",
		"Consistency: session;waits=1",
		"Consistency: wait=1",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (READ(lines[i]))
			fail_msg("%s", lines[i]);
		assert_int_equal(request->outcome, OUTCOME_BAD_REQUEST);
	}
	assert_false(READ("Consistency: session", "Consistency: session"));
}

static void test_tokens_come_in_several_ways(void **state)
{
	assert_true(READ("Consistency-Token: aa.b_-~, bb", "Consistency-Token: cc,"));
	assert_int_equal(request->tokens_count, 3);
	assert_true(text_is(request->tokens[0], "aa.b_-~"));
	assert_true(text_is(request->tokens[1], "bb"));
	assert_true(text_is(request->tokens[2], "cc"));
}

static void test_what_is_no_token_is_refused(void **state)
{
	char line[256];

	assert_false(READ("Consistency-Token: a b"));
	assert_int_equal(request->outcome, OUTCOME_INVALID_CONSISTENCY_TOKEN);
	assert_false(READ("Consistency-Token: \"a\""));
	assert_false(READ("Consistency-Token: 1,2,3,4,5,6,7,8,9"));
	snprintf(line, sizeof(line), "Consistency-Token: %0*d", TOKEN_TEXT_MAX, 1);
	assert_true(READ(line));
	snprintf(line, sizeof(line), "Consistency-Token: %0*d", TOKEN_TEXT_MAX + 1, 1);
	assert_false(READ(line));
}

static void test_the_user_is_read(void **state)
{
	assert_true(READ("x-user-id: ann \xc3\xa4"));
	assert_true(text_is(request->user, "ann \xc3\xa4"));
}

static void test_an_ambiguous_user_is_refused(void **state)
{
	char line[512];

	assert_false(READ("X-User-Id: ann", "X-User-Id: ann"));
	assert_int_equal(request->outcome, OUTCOME_BAD_REQUEST);
	assert_false(READ("X-User-Id:"));
	assert_false(READ("X-User-Id: \xff"));
	snprintf(line, sizeof(line), "X-User-Id: %0*d", USER_BYTES_MAX, 1);
	assert_true(READ(line));
	snprintf(line, sizeof(line), "X-User-Id: %0*d", USER_BYTES_MAX + 1, 1);
	assert_false(READ(line));
}

static void test_an_idempotency_key_is_read_for_commands(void **state)
{
	char line[512];

	assert_true(READ("Idempotency-Key: \"k\""));
	assert_null(request->idempotency_key.ptr);
	request->kind = REQUEST_COMMAND;
	assert_true(READ("Idempotency-Key: \"k \\\"1\\\"\""));
	assert_true(text_is(request->idempotency_key, "k \"1\""));
	assert_true(READ("Idempotency-Key: 8e03978e-40d5-43e8-bc93-6894a57f9324"));
	snprintf(line, sizeof(line), "Idempotency-Key: %0*d", IDEMPOTENCY_KEY_BYTES_MAX, 1);
	assert_true(READ(line));
	snprintf(line, sizeof(line), "Idempotency-Key: %0*d", IDEMPOTENCY_KEY_BYTES_MAX + 1, 1);
	assert_false(READ(line));
	assert_false(READ("Idempotency-Key: a", "Idempotency-Key: a"));
	assert_false(READ("Idempotency-Key: \"a"));
	assert_false(READ("Idempotency-Key: \"\\a\""));
	assert_false(READ("Idempotency-Key: \"\""));
	assert_false(READ("Idempotency-Key:"));
	assert_int_equal(request->outcome, OUTCOME_BAD_REQUEST);
}

static void test_preferences_are_found(void **state)
{
	request->kind = REQUEST_COMMAND;
	assert_true(READ("Prefer: respond-async, wait=10", "Prefer: return=minimal; x=y"));
	assert_true(request->minimal);
	assert_int_equal(request->prefer_wait_us, 10000000);
	assert_false(READ("Prefer: wait-replicas=x"));
	assert_int_equal(request->outcome, OUTCOME_BAD_REQUEST);
}

static void test_priority_is_found_or_ignored(void **state)
{
	assert_true(READ("Priority: i, u=6"));
	assert_int_equal(request->urgency, 6);
	assert_true(READ("Priority: u=8, u=12, u=x, u"));
	assert_int_equal(request->urgency, -1);
}

static void test_a_sane_request_id_is_taken(void **state)
{
	assert_true(READ("X-Request-Id: aZ09._-"));
	assert_string_equal(request->id, "aZ09._-");
	assert_true(READ("X-Request-Id: a b"));
	assert_string_equal(request->id, "");
	assert_true(READ("X-Request-Id: "
			 "12345678901234567890123456789012345678901234567890123456789012345"));
	assert_string_equal(request->id, "");
}

static void test_trace_headers_are_kept_when_they_are_well_formed(void **state)
{
	assert_true(READ("traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
			 "tracestate: congo=t61rcWkgMzE"));
	assert_int_equal(request->trace.len, 55);
	assert_true(text_is(in.tracestate, "congo=t61rcWkgMzE"));
	assert_true(READ("traceparent: 00-00000000000000000000000000000000-b7ad6b7169203331-01",
			 "tracestate: a=b"));
	assert_null(request->trace.ptr);
	assert_null(in.tracestate.ptr);
	assert_true(READ("traceparent: 00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"));
	assert_null(request->trace.ptr);
	assert_true(READ("traceparent: 00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"));
	assert_null(request->trace.ptr);
}

static void test_media_types_are_told_apart(void **state)
{
	static const struct {
		const char *line;
		enum media_type type;
	} rows[] = {
		{ "Content-Type: application/json", MEDIA_JSON },
		{ "Content-Type: Application/JSON; charset=UTF-8", MEDIA_JSON },
		{ "Content-Type: application/json;charset=\"utf-8\"", MEDIA_JSON },
		{ "Content-Type: application/vnd.shop+json", MEDIA_JSON },
		{ "Content-Type: application/json; charset=latin1", MEDIA_OTHER },
		{ "Content-Type: application/jsonp", MEDIA_OTHER },
		{ "Content-Type: text/plain", MEDIA_OTHER },
		{ "Content-Type: +json", MEDIA_OTHER },
		{ "Content-Type:", MEDIA_OTHER },
		{ "Accept: application/json", MEDIA_ABSENT },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(READ(rows[i].line));
		if (in.media_type != rows[i].type)
			fail_msg("%s", rows[i].line);
	}
	assert_true(READ("Content-Type: application/json", "Content-Type: application/json"));
	assert_int_equal(in.media_type, MEDIA_OTHER);
}

static void test_a_coded_body_is_refused(void **state)
{
	assert_true(READ("Content-Encoding: identity"));
	assert_false(READ("Content-Encoding: gzip"));
	assert_int_equal(request->outcome, OUTCOME_UNSUPPORTED_MEDIA_TYPE);
}

static void test_the_frame_is_read(void **state)
{
	assert_true(READ("Content-Length: 0"));
	assert_int_equal(in.content_length, 0);
	assert_false(in.has_body);
	assert_true(READ("Content-Length: 123456789012345678", "Expect: 100-Continue"));
	assert_true(in.content_length == 123456789012345678);
	assert_true(in.has_body);
	assert_true(in.expects_continue);
	assert_true(READ("Transfer-Encoding: chunked"));
	assert_int_equal(in.content_length, -1);
	assert_true(in.has_body);
}

/* The directives, and the age in seconds; -1: none. */
static void asked(unsigned asks, int64_t age_s)
{
	assert_int_equal(request->cache_asks, asks | (age_s < 0 ? 0 : CACHE_ASKS_AGE));
	if (age_s >= 0)
		assert_true(request->cache_age_us_max == age_s * 1000000);
}

static void test_what_is_asked_of_a_cache_is_read(void **state)
{
	assert_true(READ("Cache-Control: no-cache"));
	asked(CACHE_ASKS_NOW, -1);
	assert_true(READ("cache-control: NO-STORE ,, Only-If-Cached"));
	asked(CACHE_ASKS_NO_STORE | CACHE_ASKS_KEPT, -1);
	assert_true(READ("Cache-Control: max-age=30", "Cache-Control: no-cache"));
	asked(CACHE_ASKS_NOW, 30);
	assert_true(READ("Cache-Control: max-age=\"7\",no-store"));
	asked(CACHE_ASKS_NO_STORE, 7);
	request->kind = REQUEST_COMMAND;
	assert_true(READ("Cache-Control: no-cache"));
	asked(0, -1);
}

static void test_the_strictest_age_counts(void **state)
{
	assert_true(READ("Cache-Control: max-age=30, max-age=5, max-age=60"));
	asked(0, 5);
	assert_true(READ("Cache-Control: max-age=99999999999999999999999"));
	asked(0, INT64_C(2147483648));
	assert_true(READ("Cache-Control: max-age"));
	asked(0, 0);
	assert_true(READ("Cache-Control: max-age=-1"));
	asked(0, 0);
	assert_true(READ("Cache-Control: max-age=1.5"));
	asked(0, 0);
	assert_true(READ("Cache-Control: max-age=\""));
	asked(0, 0);
}

static void test_a_cache_is_asked_nothing_by_what_is_not_known(void **state)
{
	assert_true(READ("Cache-Control: no-transform, max-stale=5, min-fresh"));
	asked(0, -1);
	assert_true(READ("Cache-Control: a=\"x, no-cache, \\\", no-store\", no-cached"));
	asked(0, -1);
	assert_true(READ("Cache-Control: ="));
	asked(0, -1);
	assert_true(READ("Cache-Control: "));
	asked(0, -1);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, start, stop)
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_said_is_nothing_set),
		TEST(test_consistency_is_read),
		TEST(test_a_wrong_consistency_is_refused),
		TEST(test_tokens_come_in_several_ways),
		TEST(test_what_is_no_token_is_refused),
		TEST(test_the_user_is_read),
		TEST(test_an_ambiguous_user_is_refused),
		TEST(test_an_idempotency_key_is_read_for_commands),
		TEST(test_preferences_are_found),
		TEST(test_priority_is_found_or_ignored),
		TEST(test_a_sane_request_id_is_taken),
		TEST(test_trace_headers_are_kept_when_they_are_well_formed),
		TEST(test_media_types_are_told_apart),
		TEST(test_a_coded_body_is_refused),
		TEST(test_the_frame_is_read),
		TEST(test_what_is_asked_of_a_cache_is_read),
		TEST(test_the_strictest_age_counts),
		TEST(test_a_cache_is_asked_nothing_by_what_is_not_known),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
