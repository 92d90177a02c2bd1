/* SPDX-License-Identifier: Apache-2.0 */
/* links: jwt_story.c */
/* When keys are fetched, and what is in use while they cannot be. The clock stands still. */
#include "base/clock.h"
#include "base/limits.h"
#include "base/metrics.h"
#include "http/auth/jwks_refresh.h"
#include "jwt_story.h"

#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define START (1000 * US_PER_S)

static struct loop *loop;
static struct snapshot *snapshot;
static struct snapshot_reader *reader;
static struct metrics *metrics;
static struct jwks_refresh refresh;
static struct jwk_set set;
static int64_t now_us;
/* What the server answers, NULL: it is away; how often it was asked. */
static const char *served;
static int64_t served_age_s;
static unsigned fetches;

static bool fetch(void *arg, struct jwks_answer *answer)
{
	fetches++;
	assert_ptr_equal(arg, &fetches);
	assert_int_equal(answer->body.len, 0);
	if (!served) {
		snprintf(answer->error, sizeof(answer->error), "connection refused");
		return false;
	}
	buf_string(&answer->body, served);
	answer->max_age_s = served_age_s;
	return true;
}

static int64_t wall_us(void)
{
	return JWT_STORY_NOW_S * US_PER_S + now_us - START;
}

static int setup(void **state)
{
	struct jwks_refresh_settings settings;

	loop = loop_new("test");
	now_us = START;
	loop_fake_clock(loop, now_us);
	snapshot = snapshot_new(sizeof(struct jwk_set));
	reader = snapshot_reader_new(snapshot);
	metrics = metrics_new();
	served = JWT_STORY_KEYS;
	served_age_s = -1;
	fetches = 0;
	settings = (struct jwks_refresh_settings){ .keys = snapshot,
						   .metrics = metrics,
						   .fetch = fetch,
						   .wall_us = wall_us,
						   .arg = &fetches };
	jwks_refresh_init(&refresh, loop, &settings);
	return 0;
}

static int teardown(void **state)
{
	jwks_refresh_fini(&refresh);
	snapshot_reader_free(reader);
	snapshot_free(snapshot);
	metrics_free(metrics);
	loop_free(loop);
	return 0;
}

/* Second by second, as many as that. */
static void pass(int64_t seconds)
{
	for (int64_t i = 0; i < seconds; i++) {
		now_us += US_PER_S;
		loop_fake_clock(loop, now_us);
		loop_turn(loop, 0);
	}
}

static uint32_t keys_in_use(void)
{
	return snapshot_read(reader, &set) ? set.count : 0;
}

static void keys_are_fetched_at_once_and_each_5_minutes_where_the_server_says_nothing(void **state)
{
	loop_turn(loop, 0);
	assert_int_equal(fetches, 1);
	assert_int_equal(keys_in_use(), 3);
	pass(299);
	assert_int_equal(fetches, 1);
	pass(1);
	assert_int_equal(fetches, 2);
	assert_int_equal(metrics_sum(METRIC_jwt_keys_timestamp_seconds), JWT_STORY_NOW_S + 300);
}

static void max_age_counts_between_a_minute_and_an_hour(void **state)
{
	static const struct {
		int64_t age_s, fetched_s;
	} rows[] = { { 0, 60 }, { 1, 60 }, { 61, 61 }, { 3600, 3600 }, { 86400, 3600 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		served_age_s = rows[i].age_s;
		fetches = 0;
		loop_timer_set(loop, &refresh.timer, now_us);
		loop_turn(loop, 0);
		assert_int_equal(fetches, 1);
		pass(rows[i].fetched_s - 1);
		assert_int_equal(fetches, 1);
		pass(1);
		assert_int_equal(fetches, 2);
	}
}

static void a_server_that_is_away_for_an_hour_changes_nothing_but_raises_the_alarm(void **state)
{
	uint64_t version;

	loop_turn(loop, 0);
	version = snapshot_version(snapshot);
	assert_true(metrics_sum(METRIC_jwt_keys_stale) == 0);
	served = NULL;
	pass(300);
	assert_true(metrics_sum(METRIC_jwt_keys_stale) == 1);
	fetches = 0;
	pass(3600);
	/* About once a minute: neither each second nor never again. */
	assert_in_range(fetches, 55, 140);
	assert_int_equal(snapshot_version(snapshot), version);
	assert_int_equal(keys_in_use(), 3);
	assert_true(metrics_sum(METRIC_jwt_keys_stale) == 1);
	assert_int_equal(metrics_sum(METRIC_jwt_keys_timestamp_seconds), JWT_STORY_NOW_S);

	served = "{\"keys\":[" JWT_STORY_ED "]}";
	pass(61);
	assert_int_equal(keys_in_use(), 1);
	assert_true(metrics_sum(METRIC_jwt_keys_stale) == 0);
}

static void a_server_that_is_away_at_the_start_is_asked_soon_again(void **state)
{
	served = NULL;
	loop_turn(loop, 0);
	assert_int_equal(keys_in_use(), 0);
	assert_true(metrics_sum(METRIC_jwt_keys_stale) == 1);
	served = JWT_STORY_KEYS;
	pass(1);
	assert_int_equal(keys_in_use(), 3);
}

static void an_answer_that_is_no_key_set_counts_as_none(void **state)
{
	static const char *const bad[] = { "",
					   "<html>no</html>",
					   "{}",
					   "{\"keys\":[]}",
					   "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}",
					   "{\"keys\":[" JWT_STORY_RSA "],\"keys\":[]}" };

	loop_turn(loop, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		served = bad[i];
		fetches = 0;
		loop_timer_set(loop, &refresh.timer, now_us);
		loop_turn(loop, 0);
		assert_int_equal(fetches, 1);
		assert_int_equal(snapshot_version(snapshot), 1);
		assert_int_equal(keys_in_use(), 3);
		assert_true(metrics_sum(METRIC_jwt_keys_stale) == 1);
	}
}

static void the_same_keys_are_not_published_again(void **state)
{
	loop_turn(loop, 0);
	served = "{ \"keys\" : [" JWT_STORY_RSA " , " JWT_STORY_EC "," JWT_STORY_ED "]}";
	pass(900);
	assert_int_equal(fetches, 4);
	assert_int_equal(snapshot_version(snapshot), 1);
	served = "{\"keys\":[" JWT_STORY_EC "]}";
	pass(300);
	assert_int_equal(snapshot_version(snapshot), 2);
	assert_int_equal(keys_in_use(), 1);
}

static void any_number_of_unknown_keys_makes_one_fetch_in_30_seconds(void **state)
{
	served_age_s = 3600;
	loop_turn(loop, 0);
	for (int i = 0; i < 300; i++) {
		jwks_refresh_want(&refresh);
		pass(1);
		jwks_refresh_want(&refresh);
	}
	assert_int_equal(fetches, 1 + 10);
	/* One after a long while is fetched at once. */
	pass(31);
	fetches = 0;
	pass(1000);
	assert_int_equal(fetches, 0);
	jwks_refresh_want(&refresh);
	loop_turn(loop, 0);
	assert_int_equal(fetches, 1);
}

static void a_key_that_is_wanted_delays_no_fetch_that_is_due_sooner(void **state)
{
	served_age_s = 60;
	loop_turn(loop, 0);
	pass(45);
	assert_int_equal(fetches, 1);
	served = NULL;
	jwks_refresh_want(&refresh);
	loop_turn(loop, 0);
	assert_int_equal(fetches, 2);
	jwks_refresh_want(&refresh);
	pass(1);
	assert_int_equal(fetches, 3);
}

static void a_reload_fetches_at_once_and_then_as_before(void **state)
{
	served_age_s = 3600;
	loop_turn(loop, 0);
	jwks_refresh_now(&refresh);
	loop_turn(loop, 0);
	assert_int_equal(fetches, 2);
	jwks_refresh_want(&refresh);
	pass(29);
	assert_int_equal(fetches, 2);
	pass(1);
	assert_int_equal(fetches, 3);
}

static void max_age_is_read_of_any_cache_control(void **state)
{
	static const struct {
		const char *text;
		int64_t age_s;
	} rows[] = {
		{ "max-age=600", 600 },
		{ "public, Max-Age=19201, must-revalidate, no-transform", 19201 },
		{ "no-store", 0 },
		{ "max-age=600, no-cache", 0 },
		{ "public", -1 },
		{ "", -1 },
		{ "s-maxage=10", -1 },
		{ "max-age=", 0 },
		{ "max-age=x", 0 },
		{ "max-age=-5", 0 },
		{ "max-age=600x", 600 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(jwks_max_age_s(text_of(rows[i].text)), rows[i].age_s);
	assert_true(jwks_max_age_s(TEXT("max-age=99999999999999999999999999999")) >= 3600);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		STORY(keys_are_fetched_at_once_and_each_5_minutes_where_the_server_says_nothing),
		STORY(max_age_counts_between_a_minute_and_an_hour),
		STORY(a_server_that_is_away_for_an_hour_changes_nothing_but_raises_the_alarm),
		STORY(a_server_that_is_away_at_the_start_is_asked_soon_again),
		STORY(an_answer_that_is_no_key_set_counts_as_none),
		STORY(the_same_keys_are_not_published_again),
		STORY(any_number_of_unknown_keys_makes_one_fetch_in_30_seconds),
		STORY(a_reload_fetches_at_once_and_then_as_before),
		STORY(a_key_that_is_wanted_delays_no_fetch_that_is_due_sooner),
		STORY(max_age_is_read_of_any_cache_control),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
