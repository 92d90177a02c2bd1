/* SPDX-License-Identifier: Apache-2.0 */
/* links: http_client.c http_fixture.c */
/* Replies that leave while they grow. */
#include "http_fixture.h"

#include "base/clock.h"
#include "base/limits.h"

#include <string.h>
#include <sys/socket.h>

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
	http_client_say(client, "GET /v1/queries/one HTTP/1.1\r\n" HOST "X-User-Id: %s\r\n\r\n",
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

/* --- shares ----------------------------------------------------------------------------------- */

struct reader {
	struct http_client client;
	struct request *request;
};

static unsigned pieces_wanted; /* of whichever stream was taken last */

static void reader_on_taken(struct request *of)
{
	(void)of;
	pieces_wanted++;
}

static void reader_begin(struct reader *reader, const char *user)
{
	/* Else the kernel grows it as it likes, by more than the readers differ. */
	int room = 1 << 16;

	fixture.hold = true;
	reader->request = ask(&reader->client, user);
	assert_int_equal(setsockopt(reader->client.fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)),
			 0);
	reader->request->stream = STREAM_OPEN;
	reader->request->on_taken = reader_on_taken;
	reader->request->operation_name = "one";
	reader->request->node = "n1";
}

/* Takes so much, and then nothing: what comes next waits in the kernels. */
static void reader_take(struct reader *reader, size_t bytes)
{
	static char piece[1 << 16], taken_in[1 << 16];
	size_t all = 0;
	unsigned idle = 0;

	memset(piece, '1', sizeof(piece));
	pieces_wanted = 1;
	while (idle++ < 50) {
		ssize_t got = 0;

		if (pieces_wanted) {
			pieces_wanted = idle = 0;
			buf_add(&reader->request->out, piece, sizeof(piece));
			reader->request->on_stream(reader->request);
		}
		fixture_turn();
		if (all < bytes)
			got = recv(reader->client.fd, taken_in, sizeof(taken_in), MSG_DONTWAIT);
		if (got > 0)
			all += (size_t)got, idle = 0;
	}
	assert_true(all >= bytes);
}

static void reader_end(struct reader *reader)
{
	reader->request->stream = STREAM_BROKEN;
	reader->request->on_done(reader->request);
	http_client_close(&reader->client);
}

/* Two read quickly enough, as yet: it is the caller who has too many. */
static void test_who_holds_most_of_the_streams_gives_one_up_for_another_caller(void **state)
{
	static struct reader greedy[2], modest;
	struct http_client same, other;
	struct request *asking_same, *asking;

	for (unsigned i = 0; i < 2; i++) {
		reader_begin(&greedy[i], "greedy");
		reader_take(&greedy[i], (size_t)(4 + 4 * i) << 20);
	}
	reader_begin(&modest, "modest");
	reader_take(&modest, 2 << 20);
	fixture_pass(STREAM_SETTLED_US);
	asking_same = ask(&same, "greedy");
	asking = ask(&other, "other");
	fixture.held[0] = greedy[0].request; /* who is reported gone */

	assert_false(asking_same->on_streams_full(asking_same, "n1"));
	assert_int_equal(fixture.gone, 0);
	assert_true(asking->on_streams_full(asking, "n1"));
	assert_int_equal(fixture.gone, 1); /* the slower of the two, not the slowest of all */
	assert_int_equal(greedy[0].request->stream, STREAM_OPEN);

	reader_end(&greedy[0]);
	/* Now nobody has more than half. */
	assert_false(asking->on_streams_full(asking, "n1"));
	reader_end(&greedy[1]);
	reader_end(&modest);
	fixture_finish(asking_same);
	fixture_finish(asking);
	http_client_close(&same);
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
		TEST(test_who_holds_most_of_the_streams_gives_one_up_for_another_caller),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
