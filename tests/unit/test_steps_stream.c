/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c scene.c */
/* Queries with large results: when they become streams, what is proven before one is told. */
#include "scene.h"

#include "base/clock.h"
#include "base/limits.h"

#include <cmocka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static struct scene scene;
static struct asked asked;
static unsigned streamed; /* how often on_stream was called */

static void on_stream(struct request *request)
{
	(void)request;
	streamed++;
}

static struct call *asked_call(void)
{
	for (unsigned node = 0; node < 3; node++)
		if (fake_call(node, CALL_QUERY))
			return fake_call(node, CALL_QUERY);
	return NULL;
}

static unsigned asked_node(void)
{
	for (unsigned node = 0; node < 3; node++)
		if (fake_call(node, CALL_QUERY))
			return node;
	return NODES_MAX;
}

static void ask(bool may_stream, const char *user)
{
	streamed = 0;
	scene_ask(&scene, &asked, REQUEST_QUERY, "orders", user);
	asked.request->may_stream = may_stream;
	asked.request->on_stream = on_stream;
	scene_take(&scene, &asked);
}

static void too_large(void)
{
	struct call *call = asked_call();

	assert_int_equal(call->bytes_max, STREAM_BUFFER_BYTES);
	assert_null(call->on_rows);
	fake_lost(call, CALL_TOO_LARGE, NULL);
}

/* A scene whose statement is known for large results. */
static int open_scene(void **state)
{
	(void)state;
	scene_init(&scene);
	scene.options.stream_conns = 1;
	scene.options.stream_bytes_max = 1 << 30;
	scene.options.stream_timeout_us = 600 * US_PER_S;
	return 0;
}

static int close_scene(void **state)
{
	(void)state;
	asked_free(&asked);
	scene_fini(&scene);
	return 0;
}

static void ask_for_a_stream(const char *user)
{
	ask(true, user);
	too_large();
	assert_non_null(asked_call()->on_rows);
	assert_int_equal(asked_call()->bytes_max, 1 << 30);
	assert_int_equal(asked_call()->timeout_us, 600 * US_PER_S);
}

/* Its first rows, of a replica, where so many have to be seen and this one has been. */
static void stream_that_must_be_confirmed(unsigned needed)
{
	struct call *call;

	scene.options.wait_us_max = 0;
	scene.topology.confirmation =
		(struct confirmation){ .needed = needed, .standbys = 6, .node = -1 };
	scene_publish(&scene);
	streamed = 0;
	scene_ask(&scene, &asked, REQUEST_QUERY, "orders", "ann");
	asked.request->level = LEVEL_STRONG;
	asked.request->from = FROM_REPLICA_CONFIRMED;
	asked.request->may_stream = true;
	asked.request->on_stream = on_stream;
	scene_take(&scene, &asked);
	fake_answer_primary(fake_call(0, CALL_PROBE), 1000, NULL, 0);
	too_large();
	call = asked_call();
	call->timeline = call->streamed = 1;
	call->in_recovery = true;
	fake_stream(call, 1000, 1001, "{\"id\":1}");
}

static void a_stream_that_is_confirmed_is_told(void **state)
{
	stream_that_must_be_confirmed(1);
	assert_int_equal(streamed, 1);
	assert_int_equal(asked.request->confirmed, CONFIRMED);
	fake_answer(asked_call(), 1000, 1001, NULL, 1);
}

static void no_row_is_told_of_a_stream_that_is_not_confirmed(void **state)
{
	stream_that_must_be_confirmed(2);
	assert_int_equal(streamed, 0);
	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->outcome, OUTCOME_UNCONFIRMED);
	assert_null(asked_call());
}

static void a_large_result_is_asked_for_again_as_a_stream_and_told_as_it_comes(void **state)
{
	unsigned node;

	ask_for_a_stream("ann");
	node = asked_node();
	fake_stream(asked_call(), 1000, 1001, "{\"id\":1}");

	assert_int_equal(streamed, 1);
	assert_int_equal(asked.request->stream, STREAM_OPEN);
	assert_true(asked.request->served_by != SERVED_BY_NONE);
	assert_true(asked.request->token[0] != '\0');
	assert_int_equal(asked.done, 0);
	/* The deadline was for the first byte. */
	scene_pass(&scene, 60 * US_PER_S);
	assert_int_equal(asked.done, 0);

	buf_clear(&asked.request->out);
	asked.request->on_taken(asked.request);
	assert_int_equal(fake_went_on(node), 1);
	fake_answer(asked_call(), SCENE_LSN, 1001, ",{\"id\":2}", 2);

	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->stream, STREAM_WHOLE);
	assert_memory_equal(asked.request->out.ptr, ",{\"id\":2}]}", asked.request->out.len);
}

static void a_stream_that_comes_too_early_is_thrown_away_before_it_is_told(void **state)
{
	unsigned node;

	assert_true(sessions_wrote(scene.sessions, text_of("ann"), (struct position){ 1, 2000 }));
	ask_for_a_stream("ann");
	node = asked_node();
	fake_stream(asked_call(), 1999, 2001, "{\"id\":1}");

	assert_int_equal(streamed, 0);
	assert_int_equal(asked.request->stream, STREAM_NONE);
	assert_int_equal(fake_waiting(node), 0);
	assert_int_not_equal(asked_node(), node);
	fake_stream(asked_call(), 2000, 2001, "{\"id\":1}");
	assert_int_equal(streamed, 1);
	fake_answer(asked_call(), 2000, 2001, "", 1);
}

static void a_stream_from_another_timeline_is_not_told(void **state)
{
	unsigned node;

	assert_true(sessions_wrote(scene.sessions, text_of("ann"), (struct position){ 1, 1000 }));
	ask_for_a_stream("ann");
	node = asked_node();
	asked_call()->timeline = 2;
	fake_stream(asked_call(), 3000, 3000, "{\"id\":1}");

	assert_int_equal(streamed, 0);
	assert_int_equal(fake_waiting(node), 0);
	fake_answer(asked_call(), SCENE_LSN, SCENE_LSN, "", 0);
}

static void a_stream_that_breaks_is_told_so_and_asked_nowhere_else(void **state)
{
	ask_for_a_stream("ann");
	fake_stream(asked_call(), 1000, 1001, "{\"id\":1}");
	fake_error(asked_call(), "40001", "conflict with recovery");

	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->stream, STREAM_BROKEN);
	assert_null(asked_call());
}

static void a_client_that_goes_away_ends_its_stream(void **state)
{
	ask_for_a_stream("ann");
	fake_stream(asked_call(), 1000, 1001, "{\"id\":1}");
	asked.request->on_client_gone(asked.request);

	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->stream, STREAM_BROKEN);
	assert_null(asked_call());
}

static void small_results_make_a_statement_ordinary_again(void **state)
{
	ask_for_a_stream("ann");
	for (unsigned i = 0; asked_call()->on_rows; i++) {
		assert_true(i < 100);
		fake_answer(asked_call(), SCENE_LSN, 1001, "{\"id\":1}", 1);
		assert_int_equal(asked.request->stream, STREAM_NONE);
		assert_int_equal(asked.request->outcome, OUTCOME_OK);
		asked_free(&asked);
		ask(true, "ann");
	}
	fake_answer(asked_call(), SCENE_LSN, 1001, "", 0);
}

static void who_may_not_be_streamed_to_is_answered_up_to_the_limit(void **state)
{
	ask(false, "ann");
	assert_int_equal(asked_call()->bytes_max, scene.options.result_bytes_max);
	asked_call()->in_recovery = true;
	asked_call()->lower = asked_call()->upper = 1000;
	fake_lost(asked_call(), CALL_TOO_LARGE, NULL);
	assert_int_equal(asked.request->outcome, OUTCOME_RESULT_TOO_LARGE);
}

static void where_no_replica_has_room_a_stream_is_refused_and_the_primary_spared(void **state)
{
	ask(true, "ann");
	fake_full(1, true);
	fake_full(2, true);
	too_large();

	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->outcome, OUTCOME_QUEUE_FULL);
	assert_int_equal(fake_waiting(0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)
		TEST(a_large_result_is_asked_for_again_as_a_stream_and_told_as_it_comes),
		TEST(a_stream_that_comes_too_early_is_thrown_away_before_it_is_told),
		TEST(a_stream_from_another_timeline_is_not_told),
		TEST(a_stream_that_is_confirmed_is_told),
		TEST(no_row_is_told_of_a_stream_that_is_not_confirmed),
		TEST(a_stream_that_breaks_is_told_so_and_asked_nowhere_else),
		TEST(a_client_that_goes_away_ends_its_stream),
		TEST(small_results_make_a_statement_ordinary_again),
		TEST(who_may_not_be_streamed_to_is_answered_up_to_the_limit),
		TEST(where_no_replica_has_room_a_stream_is_refused_and_the_primary_spared),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
