/* SPDX-License-Identifier: Apache-2.0 */
/* links: http_client.c http_fixture.c */
/* Too little for all: who makes room. 127.0.0.2 takes what it can get; 127.0.0.1 does not. */
#include "http_fixture.h"

#include "base/clock.h"
#include "base/limits.h"
#include "http/listener.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST "GET /v1/queries/one HTTP/1.1\r\n"
#define WHOLE REQUEST HOST "\r\n"
#define SLOW_HEAD REQUEST "X-Slow: "
#define PLACES 4

static struct http_client greedy[PLACES], later;

static void open_from(struct http_client *client, const char *source)
{
	http_client_open_from(client, fixture.loop, listener_port(fixture.listener), source);
}

/* Each of them says this, and all have been heard. */
static void greedy_take_all_places(const char *said)
{
	http_client_close(&fixture.client);
	for (unsigned i = 0; i < PLACES; i++) {
		open_from(&greedy[i], "127.0.0.2");
		http_client_say(&greedy[i], "%s", said);
		fixture_turn();
	}
}

static bool served(struct http_client *client)
{
	const struct http_reply *reply;

	http_client_say(client, WHOLE);
	reply = http_client_read(client);
	assert_true(reply->status == 200 || reply->status == 503);
	return reply->status == 200;
}

/* And rest then. */
static void greedy_take_all_places_and_rest(void)
{
	greedy_take_all_places(WHOLE);
	for (unsigned i = 0; i < PLACES; i++)
		assert_int_equal(http_client_read(&greedy[i])->status, 200);
}

static bool another_comes_and_is_served(void)
{
	open_from(&fixture.client, "127.0.0.1");
	return served(&fixture.client);
}

static void greedy_go(void)
{
	for (unsigned i = 0; i < PLACES; i++)
		http_client_close(&greedy[i]);
}

static unsigned yielded(const char *state, const char *reason)
{
	struct buf text;
	char series[128];
	const char *at;
	unsigned count;

	buf_init(&text);
	metrics_write(&text);
	buf_byte(&text, '\0');
	snprintf(series, sizeof(series), "\ncqrsd_http_yielded_total{state=\"%s\",reason=\"%s\"} ",
		 state, reason);
	at = strstr(text.ptr, series);
	count = at ? (unsigned)strtoul(at + strlen(series), NULL, 10) : 0;
	buf_fini(&text);
	return count;
}

static int start_with(void (*handler)(struct request *request, void *arg))
{
	struct listener_settings settings = { .handlers = { handler, &fixture },
					      .connections_max = PLACES };

	fixture_start(NULL);
	fixture_listen(&settings);
	return 0;
}

static int start(void **state)
{
	return start_with(fixture_take);
}

/* --- places ----------------------------------------------------------------------------------- */

static void test_who_holds_all_places_by_resting_gives_up_a_half_and_no_more(void **state)
{
	struct http_client third;

	greedy_take_all_places_and_rest();
	fixture_pass(1);
	assert_true(served(&greedy[0])); /* the one that rests now is greedy[1] */
	assert_true(another_comes_and_is_served());
	assert_true(http_client_ended(&greedy[1]));
	open_from(&later, "127.0.0.1");
	assert_true(served(&later));
	assert_int_equal(yielded("resting", "share"), 2);

	open_from(&third, "127.0.0.1");
	assert_false(served(&third));
	assert_true(served(&greedy[0]));
	http_client_close(&third);
	http_client_close(&later);
	greedy_go();
}

/* It only has not been read yet. */
static void test_who_has_just_asked_does_not_rest(void **state)
{
	greedy_take_all_places_and_rest();
	open_from(&fixture.client, "127.0.0.1");
	http_client_say(&greedy[0], WHOLE);
	assert_true(served(&fixture.client));
	assert_int_equal(http_client_read(&greedy[0])->status, 200);
	assert_true(http_client_ended(&greedy[1]));

	fixture_pass(HTTP_YIELD_REST_US);
	open_from(&later, "127.0.0.1");
	http_client_say(&greedy[2], WHOLE);
	assert_true(served(&later));
	assert_int_equal(http_client_read(&greedy[2])->status, 200);
	http_client_close(&later);
	greedy_go();
}

static void test_slow_heads_of_one_address_hide_nobody_and_are_told(void **state)
{
	greedy_take_all_places(SLOW_HEAD);
	assert_true(another_comes_and_is_served());
	assert_int_equal(yielded("arriving", "share"), 1);
	fixture_assert_problem(http_client_read(&greedy[0]), 503, "shed");
	greedy_go();
}

static void test_who_rests_goes_before_who_sends(void **state)
{
	greedy_take_all_places(SLOW_HEAD);
	http_client_say(&greedy[3], "a\r\n" HOST "\r\n");
	assert_int_equal(http_client_read(&greedy[3])->status, 200);
	fixture_turn();
	assert_true(another_comes_and_is_served());
	assert_int_equal(yielded("resting", "share"), 1);
	greedy_go();
}

static void test_of_those_who_send_the_slowest_goes(void **state)
{
	static const char post[] =
		"POST /v1/commands/c HTTP/1.1\r\n" HOST JSON "Content-Length: 4000\r\n\r\n";

	greedy_take_all_places(post);
	for (unsigned i = 0; i < PLACES; i++)
		http_client_say(&greedy[i], "%*s", i == 2 ? 10 : 1000, "");
	fixture_pass(US_PER_S);
	assert_true(another_comes_and_is_served());
	fixture_assert_problem(http_client_read(&greedy[2]), 503, "shed");
	assert_true(http_client_silent(&greedy[0]));
	greedy_go();
}

static void test_a_request_that_is_worked_on_is_not_given_up(void **state)
{
	fixture.hold = true;
	greedy_take_all_places(WHOLE);
	fixture_wait_held(PLACES);
	fixture_pass(60 * US_PER_S);
	assert_false(another_comes_and_is_served());
	assert_int_equal(metrics_sum(METRIC_http_yielded_total), 0);
	for (unsigned i = 0; i < PLACES; i++) {
		fixture_finish(fixture.held[i]);
		assert_int_equal(http_client_read(&greedy[i])->status, 200);
	}
	greedy_go();
}

/* As behind a proxy. */
static void test_an_address_alone_may_hold_all_places(void **state)
{
	greedy_take_all_places_and_rest();
	for (unsigned i = 0; i < 3; i++) {
		open_from(&later, "127.0.0.2");
		assert_false(served(&later));
		http_client_close(&later);
	}
	for (unsigned i = 0; i < PLACES; i++)
		assert_true(served(&greedy[i]));
	assert_int_equal(metrics_sum(METRIC_http_yielded_total), 0);
	open_from(&fixture.client, "127.0.0.1");
	greedy_go();
}

static void test_behind_one_address_a_slow_head_makes_room_for_who_is_quick(void **state)
{
	http_client_close(&fixture.client);
	for (unsigned i = 0; i < PLACES; i++)
		open_from(&greedy[i], "127.0.0.2");
	for (unsigned i = 1; i < PLACES; i++)
		assert_true(served(&greedy[i]));
	http_client_say(&greedy[0], SLOW_HEAD);
	fixture_turn();
	open_from(&later, "127.0.0.2");
	assert_false(served(&later));
	http_client_close(&later);

	fixture_pass(HTTP_YIELD_ARRIVING_US);
	open_from(&later, "127.0.0.2");
	assert_true(served(&later));
	assert_int_equal(yielded("arriving", "slow"), 1);
	for (unsigned i = 1; i < PLACES; i++)
		assert_true(served(&greedy[i]));
	http_client_close(&later);
	greedy_go();
	open_from(&fixture.client, "127.0.0.1");
}

static void test_a_slow_upload_keeps_its_place_from_who_holds_more(void **state)
{
	http_client_close(&fixture.client);
	open_from(&fixture.client, "127.0.0.1");
	http_client_say(&fixture.client,
			"POST /v1/commands/c HTTP/1.1\r\n" HOST JSON "Content-Length: 20\r\n\r\n ");
	fixture_turn();
	fixture_pass(2 * HTTP_YIELD_ARRIVING_US);
	for (unsigned i = 0; i < PLACES; i++) {
		open_from(&greedy[i], "127.0.0.2");
		assert_int_equal(served(&greedy[i]), i < PLACES - 1);
	}
	http_client_say(&fixture.client, "%s", "                 {}");
	assert_int_equal(http_client_read(&fixture.client)->status, 200);
	greedy_go();
}

/* They are not let in yet, but count. */
static void test_a_crowd_that_connects_at_once_gets_no_more_than_its_share(void **state)
{
	enum { CROWD = 3 * HTTP_ACCEPTS_PER_TURN };
	static struct http_client crowd[CROWD], honest[PLACES];

	http_client_close(&fixture.client);
	for (unsigned i = 0; i < PLACES; i++) {
		open_from(&honest[i], "127.0.0.1");
		assert_true(served(&honest[i]));
	}
	for (unsigned i = 0; i < CROWD; i++)
		open_from(&crowd[i], "127.0.0.2");
	fixture_turn();
	assert_int_equal(yielded("resting", "share"), PLACES / 2);
	for (unsigned i = PLACES / 2; i < PLACES; i++)
		assert_true(served(&honest[i]));
	for (unsigned i = 0; i < CROWD; i++)
		http_client_close(&crowd[i]);
	for (unsigned i = 0; i < PLACES; i++)
		http_client_close(&honest[i]);
	open_from(&fixture.client, "127.0.0.1");
}

/* None of the crowd is let in yet. */
static void assert_served_behind_a_crowd(const char *said)
{
	enum { CROWD = 3 * HTTP_NEWCOMERS_PER_TURN };
	static struct http_client crowd[CROWD];

	http_client_close(&fixture.client);
	for (unsigned i = 0; i < CROWD; i++) {
		open_from(&crowd[i], "127.0.0.2");
		http_client_say(&crowd[i], "%s", said);
	}
	assert_true(another_comes_and_is_served());
	assert_int_equal(yielded("waiting", "share"), 1);
	for (unsigned i = 0; i < CROWD; i++)
		http_client_close(&crowd[i]);
}

static void test_who_comes_behind_a_silent_crowd_in_one_turn_is_served(void **state)
{
	assert_served_behind_a_crowd("");
}

static void test_who_comes_behind_a_crowd_that_asks_in_one_turn_is_served(void **state)
{
	assert_served_behind_a_crowd(WHOLE);
}

static void test_of_those_who_wait_who_is_silent_goes_first(void **state)
{
	http_client_close(&fixture.client);
	for (unsigned i = 0; i < PLACES; i++) {
		open_from(&greedy[i], "127.0.0.2");
		if (i != 1)
			http_client_say(&greedy[i], WHOLE);
	}
	assert_true(another_comes_and_is_served());
	assert_int_equal(yielded("waiting", "share"), 1);
	assert_int_equal(http_client_read(&greedy[0])->status, 200);
	fixture_assert_problem(http_client_read(&greedy[1]), 503, "shed");
	assert_int_equal(http_client_read(&greedy[2])->status, 200);
	assert_int_equal(http_client_read(&greedy[3])->status, 200);
	greedy_go();
}

/* --- the admin listener ----------------------------------------------------------------------- */

static void page_alive(struct admin_reply *reply, void *arg)
{
	(void)arg;
	reply->content_type = "text/plain";
	buf_literal(&reply->body, "alive\n");
}

static int start_admin(void **state)
{
	static const struct admin_page pages[] = {
		{ "/livez", .answer = page_alive, .is_open = true }, { NULL }
	};
	struct listener_settings settings = { .pages = pages, .connections_max = PLACES };

	fixture_start(state);
	fixture_listen(&settings);
	return 0;
}

/* From its own address: others have no right to these places. */
static void test_a_probe_does_not_wait_for_slow_heads_beside_it(void **state)
{
	http_client_close(&fixture.client);
	for (unsigned i = 0; i < PLACES; i++) {
		open_from(&greedy[i], "127.0.0.1");
		http_client_say(&greedy[i], "GET /livez HTTP/1.1\r\nX-Slow: ");
		fixture_turn();
	}
	open_from(&fixture.client, "127.0.0.1");
	http_client_say(&fixture.client, "GET /livez HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(http_client_read(&fixture.client)->status, 200);
	assert_int_equal(yielded("arriving", "slow"), 1);
	greedy_go();
}

static void test_a_probe_behind_a_silent_crowd_in_one_turn_is_answered(void **state)
{
	enum { CROWD = 3 * HTTP_NEWCOMERS_PER_TURN };
	static struct http_client crowd[CROWD];

	http_client_close(&fixture.client);
	for (unsigned i = 0; i < CROWD; i++)
		open_from(&crowd[i], "127.0.0.1");
	open_from(&fixture.client, "127.0.0.1");
	http_client_say(&fixture.client, "GET /livez HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(http_client_read(&fixture.client)->status, 200);
	for (unsigned i = 0; i < CROWD; i++)
		http_client_close(&crowd[i]);
}

/* --- replies that are not taken --------------------------------------------------------------- */

#define LARGE_BYTES (16 << 20)

static void take_and_answer(struct request *request, void *arg)
{
	if (text_is(request->operation, "large")) {
		memset(buf_reserve(&request->out, LARGE_BYTES), ' ', LARGE_BYTES);
		request->out.len = LARGE_BYTES;
	}
	request->done_us = loop_now(request->loop);
	request->on_done(request);
}

static int start_answering(void **state)
{
	return start_with(take_and_answer);
}

static void test_replies_that_one_address_does_not_take_hide_nobody_for_long(void **state)
{
	greedy_take_all_places("GET /v1/queries/large HTTP/1.1\r\n" HOST "\r\n");
	assert_int_equal(listener_in_flight(fixture.listener), PLACES);
	assert_false(another_comes_and_is_served());
	http_client_close(&fixture.client);
	fixture_pass(HTTP_YIELD_REST_US);
	assert_true(another_comes_and_is_served());
	assert_int_equal(yielded("sending", "share"), 1);
	greedy_go();
}

/* --- bodies ----------------------------------------------------------------------------------- */

#define BODY_BYTES 1000000

static int start_with_large_bodies(void **state)
{
	struct listener_settings settings = { .handlers = { fixture_take, &fixture } };

	fixture_start(state);
	fixture_listen(&settings);
	listener_set_limits(fixture.listener, 1 << 20, REQUEST_TIMEOUT_US);
	return 0;
}

static void send_body(struct http_client *client, size_t len)
{
	static char piece[BODY_BYTES];

	memset(piece, ' ', sizeof(piece));
	memcpy(piece + sizeof(piece) - 2, "{}", 2);
	assert_true(http_client_send(client, piece + sizeof(piece) - len, len));
	for (unsigned turn = 0; turn < 30; turn++)
		fixture_turn();
}

static void begin_body(struct http_client *client)
{
	http_client_say(client,
			"POST /v1/commands/c HTTP/1.1\r\n" HOST JSON "Content-Length: %d\r\n\r\n",
			BODY_BYTES);
	fixture_turn();
}

static void test_a_flood_of_bodies_pushes_out_its_own_and_no_others(void **state)
{
	enum { FLOOD = 40 };
	static struct http_client flood[FLOOD];

	begin_body(&fixture.client);
	http_client_say(&fixture.client, "%*s", BODY_BYTES / 2, "");
	fixture_turn();
	fixture_pass(US_PER_S);
	for (unsigned i = 0; i < FLOOD; i++) {
		open_from(&flood[i], "127.0.0.2");
		begin_body(&flood[i]);
		http_client_say(&flood[i], "%*s", BODY_BYTES - 100, "");
		for (unsigned turn = 0; turn < 30; turn++)
			fixture_turn();
		assert_true(fixture.listener->connections.bodies_bytes <= HTTP_BODIES_BYTES_MAX);
	}
	assert_true(yielded("arriving", "body") >= FLOOD - 34);
	fixture_assert_problem(http_client_read(&flood[0]), 503, "shed");

	send_body(&fixture.client, BODY_BYTES - BODY_BYTES / 2);
	assert_int_equal(http_client_read(&fixture.client)->status, 200);
	for (unsigned i = 0; i < FLOOD; i++)
		http_client_close(&flood[i]);
	assert_null(callers_most(&fixture.listener->connections.callers, CALLERS_BODIES));
}

/* They are in: only what arrives can be given up. */
static void test_bodies_that_are_worked_on_are_nobodys_share(void **state)
{
	fixture.hold = true;
	begin_body(&fixture.client);
	send_body(&fixture.client, BODY_BYTES);
	fixture_wait_held(1);
	assert_null(callers_most(&fixture.listener->connections.callers, CALLERS_BODIES));
	fixture_finish(fixture.held[0]);
	assert_int_equal(http_client_read(&fixture.client)->status, 200);
}

int main(void)
{
#define WITH(setup, test) cmocka_unit_test_setup_teardown(test, setup, fixture_stop)
	const struct CMUnitTest tests[] = {
		WITH(start, test_who_holds_all_places_by_resting_gives_up_a_half_and_no_more),
		WITH(start, test_who_has_just_asked_does_not_rest),
		WITH(start, test_slow_heads_of_one_address_hide_nobody_and_are_told),
		WITH(start, test_who_rests_goes_before_who_sends),
		WITH(start, test_of_those_who_send_the_slowest_goes),
		WITH(start, test_a_request_that_is_worked_on_is_not_given_up),
		WITH(start, test_an_address_alone_may_hold_all_places),
		WITH(start, test_behind_one_address_a_slow_head_makes_room_for_who_is_quick),
		WITH(start, test_a_slow_upload_keeps_its_place_from_who_holds_more),
		WITH(start, test_a_crowd_that_connects_at_once_gets_no_more_than_its_share),
		WITH(start, test_who_comes_behind_a_silent_crowd_in_one_turn_is_served),
		WITH(start, test_who_comes_behind_a_crowd_that_asks_in_one_turn_is_served),
		WITH(start, test_of_those_who_wait_who_is_silent_goes_first),
		WITH(start_admin, test_a_probe_behind_a_silent_crowd_in_one_turn_is_answered),
		WITH(start_admin, test_a_probe_does_not_wait_for_slow_heads_beside_it),
		WITH(start_answering,
		     test_replies_that_one_address_does_not_take_hide_nobody_for_long),
		WITH(start_with_large_bodies,
		     test_a_flood_of_bodies_pushes_out_its_own_and_no_others),
		WITH(start_with_large_bodies, test_bodies_that_are_worked_on_are_nobodys_share),
	};
#undef WITH

	return cmocka_run_group_tests(tests, NULL, NULL);
}
