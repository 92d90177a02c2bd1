/* SPDX-License-Identifier: Apache-2.0 */
/* links: http_client.c http_fixture.c */
/* Replies that leave while they grow. */
#include "http_fixture.h"

#include "base/clock.h"

#include <string.h>

#define STALL_US (2 * US_PER_S)

static struct request *request; /* the one that streams */
static unsigned taken;

static int start(void **state)
{
	struct listener_settings settings = {
		.handlers = { fixture_take, &fixture },
		.stream_stall_us = STALL_US,
	};

	fixture_start(state);
	fixture_listen(&settings);
	taken = 0;
	return 0;
}

static void on_taken(struct request *of)
{
	assert_ptr_equal(of, request);
	taken++;
}

static void more(const char *piece)
{
	buf_string(&request->out, piece);
	request->on_stream(request);
	fixture_turn();
}

static void begin(const char *line)
{
	fixture.hold = true;
	http_client_say(&fixture.client, "%s\r\n" HOST "\r\n", line);
	fixture_wait_held(1);
	request = fixture.held[0];
	if (!request->may_stream)
		return;
	request->stream = STREAM_OPEN;
	request->on_taken = on_taken;
	request->operation_name = "one";
	more("{\"data\":[1");
}

static void end(enum stream stream)
{
	request->stream = stream;
	request->on_done(request);
	fixture_turn();
}

/* All that came so far. */
static const char *received(void)
{
	struct buf *in = &fixture.client.in;

	(void)http_client_silent(&fixture.client);
	buf_byte(in, '\0');
	in->len--;
	return in->len ? in->ptr : "";
}

static void test_pieces_leave_as_they_come(void **state)
{
	begin("GET /v1/queries/one HTTP/1.1");
	assert_non_null(strstr(received(), "Transfer-Encoding: chunked"));
	assert_non_null(strstr(received(), "\r\n{\"data\":[1\r\n"));
	assert_int_equal(taken, 1);
	assert_int_equal(request->out.len, 0);

	more(",2");
	assert_non_null(strstr(received(), "2\r\n,2\r\n"));
	assert_null(strstr(received(), "\r\n0\r\n\r\n"));
	buf_string(&request->out, "]}");
	end(STREAM_WHOLE);
	assert_non_null(strstr(received(), "2\r\n]}\r\n0\r\n\r\n"));

	/* The connection lives on. */
	buf_clear(&fixture.client.in);
	fixture.hold = false;
	http_client_say(&fixture.client, "GET /v1/queries/two HTTP/1.1\r\n" HOST "\r\n");
	assert_string_equal(http_client_read(&fixture.client)->body, "{\"operation\":\"two\"}");
}

static void test_a_stream_is_chunked_though_its_connection_ends_with_it(void **state)
{
	begin("GET /v1/queries/one HTTP/1.1\r\nConnection: close");
	buf_string(&request->out, "]}");
	end(STREAM_WHOLE);
	assert_non_null(strstr(received(), "Transfer-Encoding: chunked"));
	assert_non_null(strstr(received(), "2\r\n]}\r\n0\r\n\r\n"));
	assert_true(http_client_ended(&fixture.client));
}

static void test_a_stream_that_breaks_has_no_end(void **state)
{
	begin("GET /v1/queries/one HTTP/1.1");
	request->outcome = OUTCOME_NO_REPLICA;
	end(STREAM_BROKEN);
	assert_null(strstr(received(), "0\r\n\r\n"));
	assert_true(http_client_ended(&fixture.client));
	assert_int_equal(listener_in_flight(fixture.listener), 0);
}

static void test_a_waiting_stream_whose_client_goes_away_is_reported(void **state)
{
	begin("GET /v1/queries/one HTTP/1.1");
	http_client_close(&fixture.client);
	fixture_turn();
	assert_int_equal(fixture.gone, 1);
	end(STREAM_BROKEN);
	assert_int_equal(listener_in_flight(fixture.listener), 0);
	http_client_open(&fixture.client, fixture.loop, listener_port(fixture.listener));
}

/* The kernels on both sides hold some megabytes. */
static void fill_sockets(void)
{
	static char piece[1 << 16];
	unsigned before = taken - 1, idle = 0;

	memset(piece, '1', sizeof(piece) - 1);
	while (idle++ < 100) {
		if (taken != before) {
			before = taken;
			idle = 0;
			more(piece);
		}
		fixture_turn();
	}
}

static void test_a_reader_that_takes_nothing_is_cut_off(void **state)
{
	begin("GET /v1/queries/one HTTP/1.1");
	fill_sockets();
	fixture_pass(STALL_US / 2);
	assert_int_equal(fixture.gone, 0);
	fixture_pass(STALL_US);
	assert_int_equal(fixture.gone, 1);
	end(STREAM_BROKEN);
	assert_int_equal(listener_in_flight(fixture.listener), 0);
}

static void test_a_stream_without_rows_for_long_is_no_fault_of_its_reader(void **state)
{
	begin("GET /v1/queries/one HTTP/1.1");
	(void)received();
	for (unsigned i = 0; i < 10; i++)
		fixture_pass(STALL_US);
	assert_int_equal(fixture.gone, 0);
	end(STREAM_WHOLE);
	assert_non_null(strstr(received(), "\r\n0\r\n\r\n"));
}

static void test_who_does_not_know_chunks_gets_none(void **state)
{
	begin("GET /v1/queries/one HTTP/1.0");
	assert_false(request->may_stream);
	fixture_finish(request);
	fixture_turn();
}

static void test_the_answer_to_a_head_is_not_streamed(void **state)
{
	begin("HEAD /v1/queries/one HTTP/1.1");
	assert_false(request->may_stream);
	fixture_finish(request);
	fixture_turn();
}

static void test_a_stream_counts_as_in_flight(void **state)
{
	begin("GET /v1/queries/one HTTP/1.1");
	listener_quiesce(fixture.listener);
	fixture_turn();
	assert_int_equal(listener_in_flight(fixture.listener), 1);
	end(STREAM_WHOLE);
	(void)received();
	assert_int_equal(fixture.gone, 0);
}

/* --- room for another stream ------------------------------------------------------------------ */

static int start_patient(void **state)
{
	struct listener_settings settings = {
		.handlers = { fixture_take, &fixture },
		.stream_stall_us = US_PER_S * 3600,
		.request_timeout_us = US_PER_S * 3600,
		.user_header = "X-User-Id",
	};

	fixture_start(state);
	fixture_listen(&settings);
	taken = 0;
	return 0;
}

/* One more client asks for a stream. */
static struct request *ask(struct http_client *client, const char *user)
{
	unsigned held = fixture.held_count;

	http_client_open(client, fixture.loop, listener_port(fixture.listener));
	http_client_say(client, "GET /v1/queries/one HTTP/1.1\r\n" HOST "\r\nX-User-Id: %s\r\n",
			user);
	fixture_wait_held(held + 1);
	return fixture.held[held];
}

static void test_a_slow_reader_makes_room_for_another_stream(void **state)
{
	struct http_client other;
	struct request *asking;

	begin("GET /v1/queries/one HTTP/1.1\r\nX-User-Id: slow");
	request->node = "n1";
	fill_sockets();
	asking = ask(&other, "u2");
	assert_false(asking->on_streams_full(asking, "n1")); /* too early to tell */
	fixture_pass(60 * US_PER_S);
	assert_int_equal(fixture.gone, 0); /* but as long as no other asks it stays */
	assert_false(asking->on_streams_full(asking, "n2"));
	fixture_pass(600 * US_PER_S);
	assert_true(asking->on_streams_full(asking, "n1"));
	assert_int_equal(fixture.gone, 1);
	end(STREAM_BROKEN);
	assert_false(asking->on_streams_full(asking, "n1"));
	fixture_finish(asking);
	http_client_close(&other);
}

static void test_a_stream_that_waits_for_rows_is_not_slow(void **state)
{
	struct http_client other;
	struct request *asking;

	begin("GET /v1/queries/one HTTP/1.1\r\nX-User-Id: idle");
	request->node = "n1";
	(void)received();
	asking = ask(&other, "u2");
	fixture_pass(600 * US_PER_S);
	assert_false(asking->on_streams_full(asking, "n1"));
	assert_int_equal(fixture.gone, 0);
	end(STREAM_WHOLE);
	fixture_finish(asking);
	http_client_close(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, fixture_stop)
		TEST(test_pieces_leave_as_they_come),
		TEST(test_a_stream_is_chunked_though_its_connection_ends_with_it),
		TEST(test_a_stream_that_breaks_has_no_end),
		TEST(test_a_waiting_stream_whose_client_goes_away_is_reported),
		TEST(test_a_reader_that_takes_nothing_is_cut_off),
		TEST(test_a_stream_without_rows_for_long_is_no_fault_of_its_reader),
		TEST(test_who_does_not_know_chunks_gets_none),
		TEST(test_the_answer_to_a_head_is_not_streamed),
		TEST(test_a_stream_counts_as_in_flight),
#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, start_patient, fixture_stop)
		TEST(test_a_slow_reader_makes_room_for_another_stream),
		TEST(test_a_stream_that_waits_for_rows_is_not_slow),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
