/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c scene.c */
/* Which queries are read by table: rounds of questions, and when they are made again. */
#include "router/feed_tables.h"

#include "base/clock.h"
#include "router/cache_reads.h"
#include "router/feed_reads.h"
#include "router/requirement.h"
#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ONE "{\"id\":20001,\"name\":\"a\",\"wrong\":null,\"shape\":5}"
#define OTHER_SHAPE "{\"id\":20001,\"name\":\"a\",\"wrong\":null,\"shape\":6}"
#define UNWATCHED "{\"id\":20001,\"name\":\"a\",\"wrong\":\"it is not watched\",\"shape\":5}"

enum { QUERIES = 3 }; /* of the scene: fresh, order, orders */

struct feed_story {
	struct scene scene;
	struct feed_shared feed;
	struct feed_tables tables;
	unsigned rounds;
};

static int begin(void **state)
{
	struct feed_story *story = calloc(1, sizeof(*story));

	assert_non_null(story);
	scene_init(&story->scene);
	scene_stop(&story->scene);
	story->scene.feed = &story->feed;
	story->scene.options.sessions = SESSIONS_CLUSTER;
	scene_start(&story->scene);
	scene_publish(&story->scene);
	feed_tables_start(&story->tables, story->scene.router);
	scene_pass(&story->scene, 0);
	*state = story;
	return 0;
}

static int end(void **state)
{
	struct feed_story *story = *state;

	feed_tables_stop(&story->tables);
	scene_fini(&story->scene);
	free(story);
	return 0;
}

static void answer_triggers(struct feed_story *story, const char *row)
{
	struct call *call = fake_call_of(0, feed_triggers(FEED_TABLE));

	(void)story;
	assert_non_null(call);
	fake_answer_primary(call, SCENE_LSN, row, 1);
}

static struct call *question(void)
{
	return fake_call_of(0, feed_reads(FEED_TABLE));
}

static void answer_reads(const char *rows)
{
	assert_non_null(question());
	fake_commit(question(), SCENE_LSN, false, rows, 1);
}

/* Until the next question for triggers is due. */
static void pass_minute(struct feed_story *story)
{
	scene_pass(&story->scene, 60 * US_PER_S);
	scene_pass(&story->scene, 0);
}

/* The same of each query. */
static void answer_round(struct feed_story *story, const char *rows)
{
	answer_triggers(story, "{\"triggers\":1}");
	for (unsigned i = 0; i < QUERIES; i++)
		answer_reads(rows);
	assert_null(question());
	story->rounds++;
}

static unsigned counting(const struct feed_story *story)
{
	uint64_t tags[FEED_RELATIONS_OF_QUERY_MAX];
	unsigned count = 0;

	for (unsigned i = 0; i < story->scene.catalog->count; i++) {
		const struct tag_set *set =
			atomic_load(&story->scene.catalog->operations[i].statement->tags);
		size_t many;

		count += set && tag_set_read(set, tags, &many) == story->tables.version;
	}
	return count;
}

static void queries_count_whose_tables_are_all_watched(void **state)
{
	struct feed_story *story = *state;

	answer_triggers(story, "{\"triggers\":1}");
	answer_reads(ONE);
	answer_reads(UNWATCHED);
	answer_reads("");
	assert_int_equal(counting(story), 2);
	assert_int_equal(story->tables.ids_count, 1);
}

static void what_is_found_again_is_not_written_again(void **state)
{
	struct feed_story *story = *state;
	uint32_t version;

	answer_round(story, ONE);
	version = story->tables.version;
	for (unsigned minute = 0; minute < 9; minute++) {
		pass_minute(story);
		answer_triggers(story, "{\"triggers\":1}");
		assert_null(question());
	}
	pass_minute(story);
	answer_round(story, ONE);
	assert_int_equal(story->tables.version, version);
	pass_minute(story);
	answer_triggers(story, "{\"triggers\":2}");
	for (unsigned i = 0; i < QUERIES; i++)
		answer_reads(OTHER_SHAPE);
	assert_int_equal(story->tables.version, version + 1);
	assert_int_equal(counting(story), QUERIES);
}

static void a_round_that_is_lost_is_made_again(void **state)
{
	struct feed_story *story = *state;

	answer_triggers(story, "{\"triggers\":1}");
	answer_reads(ONE);
	fake_lost(question(), CALL_LOST, "connection lost");
	assert_int_equal(counting(story), 0);
	scene_pass(&story->scene, US_PER_S);
	answer_round(story, ONE);
	assert_int_equal(counting(story), QUERIES);
}

/* Each of these happens to a query that is all right. */
static void a_query_that_could_not_be_asked_for_is_asked_for_again(void **state)
{
	static const char *const passing[] = { "40P01", "55P03", "57014", "53300", "XX000" };
	struct feed_story *story = *state;
	int64_t pause_us = US_PER_S;

	for (unsigned i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
		answer_triggers(story, "{\"triggers\":1}");
		answer_reads(ONE);
		fake_error(question(), passing[i], "not now");
		answer_reads(ONE);
		assert_int_equal(counting(story), QUERIES - 1);
		scene_pass(&story->scene, pause_us);
		pause_us *= 2;
	}
	answer_round(story, ONE);
	assert_int_equal(counting(story), QUERIES);
}

static void a_query_that_can_never_be_asked_for_is_left_alone(void **state)
{
	struct feed_story *story = *state;

	answer_triggers(story, "{\"triggers\":1}");
	answer_reads(ONE);
	fake_error(question(), "42601", "syntax error");
	answer_reads(ONE);
	scene_pass(&story->scene, 59 * US_PER_S);
	assert_null(fake_call_of(0, feed_triggers(FEED_TABLE)));
	scene_pass(&story->scene, US_PER_S);
	answer_triggers(story, "{\"triggers\":1}");
	assert_null(question());
}

static void a_round_that_met_a_change_is_made_again(void **state)
{
	struct feed_story *story = *state;

	answer_triggers(story, "{\"triggers\":1}");
	answer_reads(ONE);
	answer_reads(OTHER_SHAPE);
	answer_reads(OTHER_SHAPE);
	assert_int_equal(counting(story), 0);
	scene_pass(&story->scene, US_PER_S);
	answer_round(story, OTHER_SHAPE);
	assert_int_equal(counting(story), QUERIES);
}

static void shape_is(struct feed_story *story, bool as_found)
{
	story->tables.env.on_shape(story->tables.env.arg, as_found);
}

/* The node that the feed is read on shows the schema of before for two minutes. */
static void behind_a_change_that_is_not_replayed_rounds_grow_rare(void **state)
{
	struct feed_story *story = *state;

	answer_round(story, ONE);
	for (unsigned i = 0; i < 1200; i++) {
		shape_is(story, false);
		scene_pass(&story->scene, 100 * US_PER_MS);
		if (fake_call_of(0, feed_triggers(FEED_TABLE)))
			answer_round(story, OTHER_SHAPE);
	}
	assert_in_range(story->rounds, 4, 9);
	/* Once it has been replayed, the next change is found out at once. */
	scene_pass(&story->scene, 60 * US_PER_S);
	if (fake_call_of(0, feed_triggers(FEED_TABLE)))
		answer_round(story, OTHER_SHAPE);
	shape_is(story, true);
	scene_pass(&story->scene, 2 * US_PER_S);
	shape_is(story, false);
	scene_pass(&story->scene, 0);
	answer_round(story, ONE);
}

/* --- while answers are kept ------------------------------------------------------------------- */

/* The same catalog, with @cache on a query. */
static void keep_answers(struct feed_story *story)
{
	feed_tables_stop(&story->tables);
	story->scene.catalog->operations[0].cache_us = US_PER_S;
	story->scene.options.cache_bytes = 1 << 20;
	feed_tables_start(&story->tables, story->scene.router);
	scene_pass(&story->scene, 0);
}

static void answer_stamp(const char *row)
{
	struct call *call = fake_call_of(0, schema_stamp());

	assert_non_null(call);
	fake_answer_primary(call, SCENE_LSN, row, 1);
}

/* Whichever question of a round is out. */
static bool answer_any(void)
{
	struct statement *const questions[] = { feed_reads(FEED_TABLE), cache_reads(FEED_TABLE),
						feed_writes() };

	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		struct call *call = fake_call_of(0, questions[i]);

		if (!call)
			continue;
		fake_commit(call, SCENE_LSN, false, "", 1);
		return true;
	}
	return false;
}

/* Until the next stamp is due. */
static void pass_tick(struct feed_story *story)
{
	scene_pass(&story->scene, 2 * US_PER_S);
	scene_pass(&story->scene, 0);
}

static bool is_in_doubt(const struct feed_story *story)
{
	return stripes_in_doubt(&story->feed.stripes, 20001);
}

static void nothing_is_asked_before_the_stamp_of_the_schema(void **state)
{
	struct feed_story *story = *state;

	keep_answers(story);
	assert_null(fake_call_of(0, feed_triggers(FEED_TABLE)));
	answer_stamp("{\"stamp\":1}");
	scene_pass(&story->scene, 0);
	answer_triggers(story, "{\"triggers\":1}");
	while (answer_any())
		assert_true(is_in_doubt(story));
	scene_pass(&story->scene, 0);
	answer_stamp("{\"stamp\":1}");
	assert_false(is_in_doubt(story));
}

static void a_change_of_the_schema_amid_a_round_makes_another_one(void **state)
{
	struct feed_story *story = *state;

	keep_answers(story);
	answer_stamp("{\"stamp\":1}");
	scene_pass(&story->scene, 0);
	answer_triggers(story, "{\"triggers\":1}");
	assert_true(answer_any());
	pass_tick(story);
	answer_stamp("{\"stamp\":2}");
	while (answer_any()) {}
	/* Of the same stamp; but what was asked before it was seen proves nothing. */
	pass_tick(story);
	answer_stamp("{\"stamp\":2}");
	assert_true(is_in_doubt(story));
	answer_triggers(story, "{\"triggers\":1}");
	assert_true(answer_any());
	while (answer_any()) {}
	scene_pass(&story->scene, 0);
	answer_stamp("{\"stamp\":2}");
	assert_false(is_in_doubt(story));
}

/* --- bounds ----------------------------------------------------------------------------------- */

static const char *relations(unsigned first, unsigned count)
{
	static char rows[FEED_RELATIONS_OF_QUERY_MAX * 80];
	size_t len = 0;

	for (unsigned i = 0; i < count; i++)
		len += (size_t)snprintf(rows + len, sizeof(rows) - len,
					"%s{\"id\":%u,\"name\":\"t\",\"wrong\":null,\"shape\":1}",
					i ? "," : "", first + i);
	return rows;
}

static void a_query_of_too_many_relations_does_not_count(void **state)
{
	struct feed_story *story = *state;

	answer_triggers(story, "{\"triggers\":1}");
	answer_reads(relations(20000, FEED_RELATIONS_OF_QUERY_MAX));
	answer_reads(relations(20000, FEED_RELATIONS_OF_QUERY_MAX + 1));
	answer_reads("");
	assert_int_equal(counting(story), 2);
	assert_int_equal(story->tables.ids_count, FEED_RELATIONS_OF_QUERY_MAX);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(queries_count_whose_tables_are_all_watched),
		TEST(what_is_found_again_is_not_written_again),
		TEST(a_round_that_is_lost_is_made_again),
		TEST(a_query_that_could_not_be_asked_for_is_asked_for_again),
		TEST(a_query_that_can_never_be_asked_for_is_left_alone),
		TEST(a_round_that_met_a_change_is_made_again),
		TEST(behind_a_change_that_is_not_replayed_rounds_grow_rare),
		TEST(nothing_is_asked_before_the_stamp_of_the_schema),
		TEST(a_change_of_the_schema_amid_a_round_makes_another_one),
		TEST(a_query_of_too_many_relations_does_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
