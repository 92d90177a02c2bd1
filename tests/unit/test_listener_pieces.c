/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies behind heads of any size: the library takes them in pieces, of which there are few. */
/* links: http_fixture.c http_client.c */
#include "http/listener.h"
#include "http_fixture.h"

#include "base/limits.h"

#include <stdio.h>
#include <string.h>

#define BODY_BYTES 7000
/* The head, the end, pieces that were left, and those that were taken, not all of them full. */
#define CALLS_MAX (5 + HTTP_PIECES_LEFT_MAX + BODY_BYTES / HTTP_PIECE_BYTES_MIN + 5)
#define HEAD_BYTES_MAX 6000

static char body[BODY_BYTES + 1];

static int start(void **state)
{
	fixture_start_api(state);
	memset(body, 'x', BODY_BYTES);
	memcpy(body, "{\"x\":\"", 6);
	memcpy(body + BODY_BYTES - 2, "\"}", 2);
	return 0;
}

/* With a cookie that makes it so long. */
static void say_head(size_t bytes, const char *framing)
{
	static const char start[] = "POST /v1/commands/x HTTP/1.1\r\n" HOST JSON;
	char cookie[HEAD_BYTES_MAX];
	size_t len = bytes - strlen(start) - strlen(framing) - strlen("Cookie: \r\n\r\n");

	assert_true(len < sizeof(cookie));
	memset(cookie, 'c', len);
	http_client_say(&fixture.client, "%s%sCookie: %.*s\r\n\r\n", start, framing, (int)len,
			cookie);
}

static const char *length_of_body(void)
{
	static char line[64];

	snprintf(line, sizeof(line), "Content-Length: %d\r\n", BODY_BYTES);
	return line;
}

static void assert_is_echoed(const char *sent)
{
	const struct http_reply *reply = http_client_read(&fixture.client);
	char want[BODY_BYTES + 64];

	snprintf(want, sizeof(want), "{\"operation\":\"x\",\"body\":%s}", sent);
	assert_int_equal(reply->status, 200);
	assert_string_equal(reply->body, want);
}

/* 4,096 bytes are half of a connection's memory; beyond, the library takes 128 bytes at a time. */
static void a_body_comes_in_few_pieces_whatever_its_head_has_left(void **state)
{
	for (size_t bytes = 3000; bytes < HEAD_BYTES_MAX - 400; bytes += bytes < 4000 ? 300 : 3) {
		unsigned before = fixture.listener->connections.calls;

		say_head(bytes, length_of_body());
		http_client_say(&fixture.client, "%s", body);
		assert_is_echoed(body);
		if (fixture.listener->connections.calls - before > CALLS_MAX)
			fail_msg("a head of %zu bytes: %u calls, more than %u", bytes,
				 fixture.listener->connections.calls - before, CALLS_MAX);
	}
}

static void a_body_that_trickles_in_is_whole(void **state)
{
	static const char trickled[] = "{\"x\":\"a body, byte by byte\"}";
	char line[64];

	snprintf(line, sizeof(line), "Content-Length: %zu\r\n", strlen(trickled));
	for (size_t bytes = 4089; bytes <= 4097; bytes++) {
		say_head(bytes, line);
		for (size_t i = 0; i < strlen(trickled); i++) {
			http_client_say(&fixture.client, "%c", trickled[i]);
			fixture_turn();
		}
		assert_is_echoed(trickled);
	}
}

/* What was left in the library's buffer is all there is, or more of the same chunk never comes. */
static void a_body_in_small_chunks_is_whole(void **state)
{
	for (size_t bytes = 4080; bytes <= 4097; bytes++) {
		say_head(bytes, "Transfer-Encoding: chunked\r\n");
		http_client_say(&fixture.client, "5\r\n{\"x\":\r\n");
		fixture_turn();
		http_client_say(&fixture.client, "1\r\n\"\r\n3\r\nabc\r\n2\r\n\"}\r\n0\r\n");
		fixture_turn();
		http_client_say(&fixture.client, "\r\n");
		assert_is_echoed("{\"x\":\"abc\"}");
		/* Behind a body in chunks this library's connection ends. */
		http_client_close(&fixture.client);
		http_client_open(&fixture.client, fixture.loop, listener_port(fixture.listener));
	}
}

static void the_next_request_behind_a_body_is_none_of_it(void **state)
{
	for (size_t bytes = 4085; bytes <= 4097; bytes++) {
		say_head(bytes, "Content-Length: 9\r\n");
		http_client_say(&fixture.client,
				"{\"x\":\"y\"}GET /v1/queries/q HTTP/1.1\r\n" HOST "\r\n");
		assert_is_echoed("{\"x\":\"y\"}");
		assert_string_equal(http_client_read(&fixture.client)->body,
				    "{\"operation\":\"q\"}");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_body_comes_in_few_pieces_whatever_its_head_has_left, start, fixture_stop),
		cmocka_unit_test_setup_teardown(a_body_that_trickles_in_is_whole, start,
						fixture_stop),
		cmocka_unit_test_setup_teardown(a_body_in_small_chunks_is_whole, start,
						fixture_stop),
		cmocka_unit_test_setup_teardown(the_next_request_behind_a_body_is_none_of_it, start,
						fixture_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
