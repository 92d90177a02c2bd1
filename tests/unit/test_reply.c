/* SPDX-License-Identifier: Apache-2.0 */
/* What the load generator reads from a server's bytes, however they are cut. */
/* links: bench/reply.c */
#include "bench/reply.h"

#include <string.h>

#include <cmocka.h>

static struct reply reply;

static int start(void **state)
{
	reply_init(&reply);
	return 0;
}

static int stop(void **state)
{
	reply_fini(&reply);
	return 0;
}

/* In pieces of so many bytes. */
static void feed(const char *bytes, size_t piece)
{
	size_t len = strlen(bytes);

	for (size_t at = 0; at < len; at += piece)
		reply_feed(&reply, bytes + at, len - at < piece ? len - at : piece);
}

static void assert_body(const char *want)
{
	assert_int_equal(reply.state, REPLY_DONE);
	assert_int_equal(reply.body_bytes, strlen(want));
	assert_memory_equal(reply.body.ptr, want, strlen(want));
}

static void a_reply_with_a_length_is_read_however_it_is_cut(void **state)
{
	for (size_t piece = 1; piece < 120; piece++) {
		reply_start(&reply);
		feed("HTTP/1.1 200 OK\r\nX: y\r\ncontent-length:  11\r\n\r\nhello world", piece);
		assert_int_equal(reply.status, 200);
		assert_false(reply.close);
		assert_body("hello world");
	}
}

static void chunks_are_joined_however_they_are_cut(void **state)
{
	for (size_t piece = 1; piece < 120; piece++) {
		reply_start(&reply);
		feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		     "6\r\nhello \r\nA;x=1\r\n0123456789\r\n0\r\nTrailer: z\r\n\r\n",
		     piece);
		assert_body("hello 0123456789");
	}
}

static void a_body_without_a_length_ends_with_the_connection(void **state)
{
	feed("HTTP/1.0 200 OK\r\n\r\nto the end", 7);
	assert_int_equal(reply.state, REPLY_UNTIL_CLOSED);
	reply_ended(&reply);
	assert_true(reply.close);
	assert_body("to the end");
}

static void a_reply_that_is_cut_short_is_none(void **state)
{
	feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfour", 99);
	reply_ended(&reply);
	assert_int_equal(reply.state, REPLY_BAD);
}

static void bytes_that_nobody_asked_for_are_an_error(void **state)
{
	feed("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP", 999);
	assert_int_equal(reply.state, REPLY_BAD);
}

static void nonsense_is_an_error(void **state)
{
	static const char *const all[] = {
		"SSH-2.0-OpenSSH\r\n\r\n",
		"HTTP/1.1 2x0 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		reply_start(&reply);
		feed(all[i], 999);
		assert_int_equal(reply.state, REPLY_BAD);
	}
}

static void a_head_without_end_is_cut_off(void **state)
{
	reply_feed(&reply, "HTTP/1.1 200 OK\r\n", 17);
	for (int i = 0; i < REPLY_HEAD_BYTES_MAX / 8 + 1; i++)
		reply_feed(&reply, "abc: d\r\n", 8);
	assert_int_equal(reply.state, REPLY_BAD);
}

static void of_a_large_body_only_the_front_is_kept(void **state)
{
	static char piece[10000];

	memset(piece, 'x', sizeof(piece));
	feed("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", 999);
	for (int i = 0; i < 100; i++)
		reply_feed(&reply, piece, sizeof(piece));
	assert_int_equal(reply.state, REPLY_DONE);
	assert_int_equal(reply.body_bytes, 1000000);
	assert_int_equal(reply.body.len, REPLY_BODY_BYTES_KEPT);
}

static void it_is_told_who_served_and_how_long_was_waited(void **state)
{
	feed("HTTP/1.1 200 OK\r\nConsistency: session;node=\"10.0.0.2:5432\";role=replica;"
	     "reason=waited;waited=0.012;lag=0.002\r\nContent-Length: 0\r\n\r\n",
	     11);
	assert_string_equal(reply.served, "replica/waited");
	assert_int_equal(reply.waited_us, 12000);
	reply_start(&reply);
	feed("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 999);
	assert_string_equal(reply.served, "");
	assert_int_equal(reply.waited_us, -1);
}

static void a_problem_names_its_code(void **state)
{
	feed("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 35\r\n\r\n"
	     "{\"status\":503,\"code\":\"queue-full\" }",
	     999);
	assert_int_equal(reply.state, REPLY_DONE);
	assert_true(reply.close);
	assert_true(text_is(reply_code(&reply), "queue-full"));
	reply_start(&reply);
	feed("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}", 999);
	assert_null(reply_code(&reply).ptr);
}

static void what_comes_before_the_answer_is_passed_over(void **state)
{
	feed("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 999);
	assert_int_equal(reply.status, 200);
	assert_body("ok");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_reply_with_a_length_is_read_however_it_is_cut,
						start, stop),
		cmocka_unit_test_setup_teardown(chunks_are_joined_however_they_are_cut, start,
						stop),
		cmocka_unit_test_setup_teardown(a_body_without_a_length_ends_with_the_connection,
						start, stop),
		cmocka_unit_test_setup_teardown(a_reply_that_is_cut_short_is_none, start, stop),
		cmocka_unit_test_setup_teardown(bytes_that_nobody_asked_for_are_an_error, start,
						stop),
		cmocka_unit_test_setup_teardown(nonsense_is_an_error, start, stop),
		cmocka_unit_test_setup_teardown(a_head_without_end_is_cut_off, start, stop),
		cmocka_unit_test_setup_teardown(of_a_large_body_only_the_front_is_kept, start,
						stop),
		cmocka_unit_test_setup_teardown(it_is_told_who_served_and_how_long_was_waited,
						start, stop),
		cmocka_unit_test_setup_teardown(a_problem_names_its_code, start, stop),
		cmocka_unit_test_setup_teardown(what_comes_before_the_answer_is_passed_over, start,
						stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
