/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c scene.c */
/* Queries that have their read index, and may need less of a node by what they read. */
#include "router/by_table.h"

#include "base/clock.h"
#include "router/feed_tables.h"
#include "router/requirement.h"
#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define INDEX 1700
#define TOUCHED 900
#define VERSION 3

static const uint64_t tag = 20001;

struct table_story {
	struct scene scene;
	struct feed_shared feed;
	struct asked asked;
};

static struct statement *order(struct scene *scene)
{
	for (unsigned i = 0; i < scene->catalog->count; i++)
		if (text_is(text_of(scene->catalog->operations[i].name), "order"))
			return scene->catalog->operations[i].statement;
	return NULL;
}

/* The feed is known up to 1500; the query reads a table that was touched before the scene began. */
static int begin(void **state)
{
	struct table_story *story = calloc(1, sizeof(*story));

	assert_non_null(story);
	scene_init(&story->scene);
	scene_stop(&story->scene);
	story->scene.options.sessions = SESSIONS_CLUSTER;
	story->scene.feed = &story->feed;
	scene_start(&story->scene);
	scene_publish(&story->scene);
	stripes_begin(&story->feed.stripes, (struct position){ 1, TOUCHED });
	stripes_know(&story->feed.stripes, 1500);
	atomic_store(&story->feed.version, VERSION);
	statement_set_tags(order(&story->scene), VERSION, &tag, 1);
	*state = story;
	return 0;
}

static int end(void **state)
{
	struct table_story *story = *state;

	scene_fini(&story->scene);
	free(story);
	return 0;
}

static void ask(struct table_story *story)
{
	scene_ask(&story->scene, &story->asked, REQUEST_QUERY, "order", "ann");
}

static void take(struct table_story *story)
{
	scene_take(&story->scene, &story->asked);
	fake_answer_primary(fake_call(0, CALL_PROBE), INDEX, NULL, 0);
}

/* Where it may wait no longer, the primary answers. */
static struct call *placed(void)
{
	struct call *call = NULL;

	for (unsigned node = 0; node < 3; node++)
		call = call ? call : fake_call(node, CALL_QUERY);
	return call;
}

/* Was it that, once, since the scene began? */
static bool ended(const char *result)
{
	char series[80];
	struct buf buf;
	bool found;

	snprintf(series, sizeof(series), "cqrsd_read_index_tables_total{result=\"%s\"} 1\n",
		 result);
	buf_init(&buf);
	metrics_write(&buf);
	found = memmem(buf.ptr, buf.len, series, strlen(series)) != NULL;
	buf_fini(&buf);
	return found;
}

static void know(struct table_story *story, uint64_t lsn)
{
	stripes_know(&story->feed.stripes, lsn);
	(void)feed_desks_tell(&story->feed);
	scene_pass(&story->scene, 0);
}

static void where_the_feed_is_known_so_far_a_replica_that_is_behind_answers(void **state)
{
	struct table_story *story = *state;

	stripes_know(&story->feed.stripes, INDEX);
	ask(story);
	take(story);
	assert_non_null(placed());
	fake_answer(placed(), TOUCHED, TOUCHED, "{\"id\":7}", 1);
	assert_int_equal(story->asked.request->outcome, OUTCOME_OK);
	assert_true(ended("lowered"));
}

/* It was restored from an older copy, and its feed has not begun anew. */
static void a_feed_of_another_life_of_the_log_says_nothing(void **state)
{
	struct table_story *story = *state;
	struct topology *topology = &story->scene.topology;

	topology->lives = (struct lives){ .count = 1, .items = { { .mark = 6, .began = 100 } } };
	scene_publish(&story->scene);
	stripes_know(&story->feed.stripes, INDEX);
	ask(story);
	take(story);
	assert_true(ended("unknown"));
}

static void it_waits_until_the_feed_is_known(void **state)
{
	struct table_story *story = *state;

	ask(story);
	take(story);
	assert_null(placed());
	know(story, INDEX - 1);
	assert_null(placed());
	know(story, INDEX);
	assert_non_null(placed());
	fake_answer(placed(), TOUCHED, TOUCHED, "{\"id\":7}", 1);
	assert_int_equal(story->asked.request->outcome, OUTCOME_OK);
}

static void it_waits_no_longer_than_the_feed_is_worth(void **state)
{
	struct table_story *story = *state;

	ask(story);
	take(story);
	scene_pass(&story->scene, 19 * US_PER_MS);
	assert_null(placed());
	scene_pass(&story->scene, US_PER_MS);
	assert_non_null(placed());
	assert_true(ended("late"));
	/* The whole index holds. */
	fake_answer(placed(), TOUCHED, TOUCHED, "{\"id\":7}", 1);
	assert_int_equal(story->asked.done, 0);
}

static void it_waits_no_longer_than_the_request_allows(void **state)
{
	struct table_story *story = *state;

	ask(story);
	story->asked.request->wait_us_max = 5 * US_PER_MS;
	take(story);
	scene_pass(&story->scene, 4 * US_PER_MS);
	assert_null(placed());
	scene_pass(&story->scene, US_PER_MS);
	assert_non_null(placed());
}

static void one_that_may_not_wait_does_not(void **state)
{
	struct table_story *story = *state;

	ask(story);
	story->asked.request->wait_us_max = 0;
	take(story);
	assert_non_null(placed());
	assert_true(ended("late"));
}

/* The service's own limit is shorter than what this request allows. */
static void one_that_may_wait_longer_than_others_does(void **state)
{
	struct table_story *story = *state;

	story->scene.options.wait_us_max = 0;
	ask(story);
	story->asked.request->wait_us_max = 30 * US_PER_MS;
	take(story);
	scene_pass(&story->scene, 19 * US_PER_MS);
	assert_null(placed());
	know(story, INDEX);
	assert_non_null(placed());
}

/* More of the feed would not help. */
static void while_the_sets_are_others_it_waits_for_nothing(void **state)
{
	struct table_story *story = *state;

	atomic_store(&story->feed.version, 0);
	ask(story);
	take(story);
	assert_non_null(placed());
	assert_true(ended("unknown"));
}

static void where_a_replica_is_at_the_index_it_waits_for_nothing(void **state)
{
	struct table_story *story = *state;

	story->scene.topology.nodes[2].position.lsn = INDEX;
	scene_publish(&story->scene);
	ask(story);
	take(story);
	assert_non_null(fake_call(2, CALL_QUERY));
	assert_true(ended("reached"));
}

static void one_whose_client_has_gone_is_forgotten(void **state)
{
	struct table_story *story = *state;

	ask(story);
	take(story);
	story->asked.request->on_client_gone(story->asked.request);
	assert_int_equal(story->asked.done, 1);
	know(story, INDEX);
	assert_null(placed());
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(where_the_feed_is_known_so_far_a_replica_that_is_behind_answers),
		TEST(a_feed_of_another_life_of_the_log_says_nothing),
		TEST(it_waits_until_the_feed_is_known),
		TEST(it_waits_no_longer_than_the_feed_is_worth),
		TEST(it_waits_no_longer_than_the_request_allows),
		TEST(one_that_may_not_wait_does_not),
		TEST(one_that_may_wait_longer_than_others_does),
		TEST(while_the_sets_are_others_it_waits_for_nothing),
		TEST(where_a_replica_is_at_the_index_it_waits_for_nothing),
		TEST(one_whose_client_has_gone_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
