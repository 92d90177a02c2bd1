/* SPDX-License-Identifier: Apache-2.0 */
/* links: gunzip.c http_client.c http_fixture.c */
/* Which replies of a listener leave as gzip, and with which headers. */
#include "gunzip.h"
#include "http_fixture.h"

#include "base/clock.h"
#include "base/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GZIP "Accept-Encoding: gzip, deflate\r\n"
#define LONG_BYTES 200000

static struct buf body, back;

static int start(void **state)
{
	fixture_start_holding(state);
	buf_init(&body);
	buf_init(&back);
	return 0;
}

static int stop(void **state)
{
	buf_fini(&body);
	buf_fini(&back);
	return fixture_stop(state);
}

static struct request *ask(const char *line, const char *headers)
{
	fixture.held_count = 0;
	http_client_say(&fixture.client, "%s\r\n" HOST "%s\r\n", line, headers);
	fixture_wait_held(1);
	return fixture.held[0];
}

static void answer(struct request *request)
{
	buf_add(&request->out, body.ptr, body.len);
	request->on_done(request);
}

static const struct http_reply *reply_to(const char *headers)
{
	answer(ask("GET /v1/queries/one HTTP/1.1", headers));
	return http_client_read(&fixture.client);
}

static void assert_plain(const struct http_reply *reply)
{
	assert_int_equal(reply->status, 200);
	assert_null(http_reply_header(reply, "Content-Encoding"));
	assert_int_equal(reply->body_len, body.len);
	assert_memory_equal(reply->body, body.ptr, body.len);
}

static void assert_gzip(const char *bytes, size_t len)
{
	buf_clear(&back);
	assert_true(gunzip(bytes, len, &back));
	assert_int_equal(back.len, body.len);
	assert_memory_equal(back.ptr, body.ptr, body.len);
}

static void a_reply_above_a_kilobyte_leaves_as_gzip_for_who_asks(void **state)
{
	static const size_t lengths[] = { GZIP_BYTES_MIN + 1, 4096, GZIP_WHOLE_BYTES_MAX };
	const struct http_reply *reply;
	char length[32];

	for (size_t i = 0; i < 3; i++) {
		fixture_fill(&body, lengths[i]);
		reply = reply_to(GZIP);
		assert_string_equal(http_reply_header(reply, "Content-Encoding"), "gzip");
		assert_string_equal(http_reply_header(reply, "Vary"), "Origin, Accept-Encoding");
		snprintf(length, sizeof(length), "%zu", reply->body_len);
		assert_string_equal(http_reply_header(reply, "Content-Length"), length);
		assert_string_equal(http_reply_header(reply, "Content-Type"), "application/json");
		assert_null(strstr(strstr(reply->head, "Content-Length") + 1, "Content-Length"));
		assert_gzip(reply->body, reply->body_len);
	}
}

static void who_does_not_ask_gets_it_as_it_is(void **state)
{
	fixture_fill(&body, 4096);
	assert_plain(reply_to(""));
	assert_plain(reply_to("Accept-Encoding: gzip;q=0, br\r\n"));
	assert_string_equal(http_reply_header(reply_to(""), "Vary"), "Origin, Accept-Encoding");
	fixture_fill(&body, 60000);
	assert_plain(reply_to(""));
}

static void a_short_reply_is_the_same_for_all(void **state)
{
	const struct http_reply *reply;

	fixture_fill(&body, GZIP_BYTES_MIN);
	reply = reply_to(GZIP);
	assert_plain(reply);
	assert_string_equal(http_reply_header(reply, "Vary"), "Origin");
}

static void what_does_not_become_shorter_stays(void **state)
{
	buf_clear(&body);
	srand(1);
	while (body.len < 4096)
		buf_byte(&body, (char)rand());
	assert_plain(reply_to(GZIP));
	assert_plain(reply_to(""));
}

/* All that is there of the next reply: its head, and where its body begins. */
static struct text raw(void)
{
	struct buf *in = &fixture.client.in;
	const char *begin;

	for (int i = 0; i < 200; i++) {
		(void)http_client_silent(&fixture.client);
		if (in->len >= 7 && memcmp(in->ptr + in->len - 7, "\r\n0\r\n\r\n", 7) == 0)
			break;
	}
	buf_byte(in, '\0');
	in->len--;
	begin = strstr(in->ptr, "\r\n\r\n");
	assert_non_null(begin);
	begin += 4;
	return (struct text){ begin, (size_t)(in->ptr + in->len - begin) };
}

static void assert_chunked_gzip(void)
{
	struct buf gzip;
	struct text chunks = raw();

	buf_init(&gzip);
	assert_non_null(strstr(fixture.client.in.ptr, "Transfer-Encoding: chunked"));
	assert_non_null(strstr(fixture.client.in.ptr, "Content-Encoding: gzip"));
	assert_null(strstr(fixture.client.in.ptr, "Content-Length"));
	assert_true(unchunk(chunks.ptr, chunks.len, &gzip));
	assert_gzip(gzip.ptr, gzip.len);
	assert_true(gzip.len < body.len / 2);
	buf_fini(&gzip);
	buf_clear(&fixture.client.in);
}

static void a_long_reply_is_compressed_in_pieces(void **state)
{
	fixture_fill(&body, LONG_BYTES);
	answer(ask("POST /v1/commands/one HTTP/1.1", JSON GZIP));
	assert_chunked_gzip();
	/* And the connection goes on. */
	fixture_fill(&body, 4096);
	assert_plain(reply_to(""));
}

static void a_long_reply_leaves_as_it_is_where_there_are_no_chunks(void **state)
{
	struct text got;

	fixture_fill(&body, LONG_BYTES);
	answer(ask("GET /v1/queries/one HTTP/1.0", GZIP));
	for (int i = 0; i < 100; i++)
		(void)http_client_silent(&fixture.client);
	got = raw();
	assert_int_equal(got.len, body.len);
	assert_memory_equal(got.ptr, body.ptr, body.len);
}

static void a_head_has_no_body_however_long_its_get_is(void **state)
{
	const struct http_reply *reply;
	char length[32];

	fixture_fill(&body, 4096);
	snprintf(length, sizeof(length), "%zu", reply_to(GZIP)->body_len);
	answer(ask("HEAD /v1/queries/one HTTP/1.1", GZIP));
	reply = http_client_read_head(&fixture.client);
	assert_string_equal(http_reply_header(reply, "Content-Encoding"), "gzip");
	assert_string_equal(http_reply_header(reply, "Content-Length"), length);
	fixture_fill(&body, LONG_BYTES);
	answer(ask("HEAD /v1/queries/one HTTP/1.1", GZIP));
	reply = http_client_read_head(&fixture.client);
	assert_int_equal(reply->status, 200);
	assert_null(http_reply_header(reply, "Content-Encoding"));
	assert_string_equal(http_reply_header(reply, "Content-Length"), "200000");
	assert_true(http_client_silent(&fixture.client));
	fixture_fill(&body, 2000);
	assert_plain(reply_to(""));
}

static void a_long_problem_is_compressed_too(void **state)
{
	struct request *request = ask("GET /v1/queries/one HTTP/1.1", GZIP);
	const struct http_reply *reply;

	for (unsigned i = 0; i < 12; i++)
		request_param_error(request, TEXT("param"), "must be integer, not \"%u\" of all",
				    i);
	(void)request_fail(request, OUTCOME_INVALID_PARAMETER, "12 parameters are wrong");
	request->on_done(request);
	reply = http_client_read(&fixture.client);
	assert_int_equal(reply->status, 400);
	assert_string_equal(http_reply_header(reply, "Content-Type"), "application/problem+json");
	assert_string_equal(http_reply_header(reply, "Content-Encoding"), "gzip");
	assert_true(gunzip(reply->body, reply->body_len, &back));
	buf_byte(&back, '\0');
	assert_non_null(strstr(back.ptr, "\"code\":\"invalid-parameter\""));
}

/* --- streams ---------------------------------------------------------------------------------- */

static void on_taken(struct request *request)
{
	(void)request;
}

static void more(struct request *request, const char *ptr, size_t len)
{
	buf_add(&request->out, ptr, len);
	request->on_stream(request);
	fixture_turn();
}

static struct request *stream(void)
{
	struct request *request = ask("GET /v1/queries/one HTTP/1.1", GZIP);

	request->stream = STREAM_OPEN;
	request->on_taken = on_taken;
	request->operation_name = "one";
	return request;
}

static void rows_of_a_stream_arrive_before_it_ends(void **state)
{
	struct request *request = stream();
	size_t sent = 0;

	fixture_fill(&body, 3000);
	for (unsigned i = 0; i < 10; i++) {
		struct buf gzip;
		struct text chunks;

		more(request, body.ptr + sent, 300);
		sent += 300;
		buf_init(&gzip);
		buf_clear(&back);
		chunks = raw();
		assert_false(unchunk(chunks.ptr, chunks.len, &gzip));
		assert_false(gunzip(gzip.ptr, gzip.len, &back));
		assert_int_equal(back.len, sent);
		buf_fini(&gzip);
	}
	request->stream = STREAM_WHOLE;
	request->on_done(request);
	fixture_turn();
	assert_chunked_gzip();
}

static void what_is_in_out_when_a_stream_ends_is_compressed_too(void **state)
{
	struct request *request = stream();

	fixture_fill(&body, 50000);
	more(request, body.ptr, 100);
	buf_add(&request->out, body.ptr + 100, body.len - 100);
	request->stream = STREAM_WHOLE;
	request->on_done(request);
	fixture_turn();
	assert_chunked_gzip();
	fixture_fill(&body, 4096);
	assert_plain(reply_to(""));
}

static void a_stream_that_breaks_has_no_end(void **state)
{
	struct request *request = stream();

	fixture_fill(&body, 3000);
	more(request, body.ptr, body.len);
	request->outcome = OUTCOME_NO_REPLICA;
	request->stream = STREAM_BROKEN;
	request->on_done(request);
	fixture_turn();
	assert_null(strstr(raw().ptr, "\r\n0\r\n\r\n"));
	assert_true(http_client_ended(&fixture.client));
}

static void every_stream_gives_back_what_it_compressed_with(void **state)
{
	fixture_fill(&body, 2000);
	for (unsigned i = 0; i < 3 * GZIP_STATES_MAX; i++) {
		struct request *request = stream();

		more(request, body.ptr, body.len);
		request->stream = i % 2 ? STREAM_WHOLE : STREAM_BROKEN;
		request->on_done(request);
		fixture_turn();
		if (i % 2) {
			assert_chunked_gzip();
			continue;
		}
		http_client_close(&fixture.client);
		http_client_open(&fixture.client, fixture.loop, listener_port(fixture.listener));
		buf_clear(&fixture.client.in);
	}
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		STORY(a_reply_above_a_kilobyte_leaves_as_gzip_for_who_asks),
		STORY(who_does_not_ask_gets_it_as_it_is),
		STORY(a_short_reply_is_the_same_for_all),
		STORY(what_does_not_become_shorter_stays),
		STORY(a_long_reply_is_compressed_in_pieces),
		STORY(a_long_reply_leaves_as_it_is_where_there_are_no_chunks),
		STORY(a_head_has_no_body_however_long_its_get_is),
		STORY(a_long_problem_is_compressed_too),
		STORY(rows_of_a_stream_arrive_before_it_ends),
		STORY(what_is_in_out_when_a_stream_ends_is_compressed_too),
		STORY(a_stream_that_breaks_has_no_end),
		STORY(every_stream_gives_back_what_it_compressed_with),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
