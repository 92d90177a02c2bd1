/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c scene.c catalog_story.c */
/* What an instance asks for its schedules, and when: of rows that a story gives it. */
#include "scene.h"

#include "base/clock.h"
#include "catalog_story.h"

#include <cmocka.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVERY "-- command: tick :exec\n-- @every 1h\nSELECT 1;\n"
#define CRON "-- command: tick :exec\n-- @cron \"*/30 * * * *\"\nSELECT 1;\n"
#define OTHER "-- command: tock :exec\n-- @every 1h\nSELECT 1;\n"

#define S US_PER_S
#define HOUR (3600 * S)
#define NOW (INT64_C(500000) * HOUR) /* of the primary: on the hour */
#define BEATEN_US (20 * US_PER_MS)   /* as schedules.c has it */
#define ASLEEP_US (14 * S)           /* shorter than the longest sleep */

static struct job_schedules schedules;
static unsigned accepted;

static void on_accepted(struct job_schedules *of)
{
	assert_ptr_equal(of, &schedules);
	accepted++;
}

static void serve(struct scene *scene, const char *text)
{
	struct catalog *catalog = story_catalog(text);

	router_set_catalog(scene->router, catalog);
	catalog_let_go(catalog);
}

static void start(struct scene *scene, const char *text)
{
	serve(scene, text);
	job_schedules_start(&schedules, scene->router, on_accepted);
	scene_pass(scene, 1);
}

static int setup(void **state)
{
	schedules = (struct job_schedules){ .router = NULL };
	accepted = 0;
	return scene_setup(state);
}

static int teardown(void **state)
{
	job_schedules_stop(&schedules);
	return scene_teardown(state);
}

/* --- what is out ------------------------------------------------------------------------------ */

static struct call *out(const char *statement)
{
	enum call_kind kind = strcmp(statement, "jobs.schedules") ? CALL_COMMAND : CALL_QUERY;
	struct call *call = fake_call(0, kind);

	assert_non_null(call);
	assert_int_equal(fake_waiting(0), 1);
	assert_string_equal(call->statement->name, statement);
	return call;
}

static struct call *fetch(void)
{
	return out("jobs.schedules");
}

static void assert_asleep(struct scene *scene, int64_t us)
{
	scene_pass(scene, us);
	assert_int_equal(fake_waiting(0), 0);
}

static void assert_set(const char *specs, const char *next_us, const char *seen_us)
{
	const struct call *call = out("jobs.schedules-set");

	assert_string_equal(call->values[SCHEDULE_SET_SPECS], specs);
	assert_string_equal(call->values[SCHEDULE_SET_NEXT_US], next_us);
	assert_string_equal(call->values[SCHEDULE_SET_SEEN_US], seen_us);
}

/* --- what is answered ------------------------------------------------------------------------- */

struct row {
	const char *spec;
	int64_t due_us, last_us, seen_us; /* from NOW on */
	bool paused, busy;
};

static const char *number(int64_t us)
{
	static char texts[2][32];
	static unsigned last;
	char *text = texts[last = !last];

	snprintf(text, sizeof(texts[0]), "{%" PRId64 "}", us);
	return text;
}

static void answer(struct row row)
{
	char json[512];

	snprintf(json, sizeof(json),
		 "{\"command\":\"tick\",\"spec\":\"%s\",\"due_us\":%" PRId64 ",\"now_us\":%" PRId64
		 ",\"last_us\":%" PRId64 ",\"seen_us\":%" PRId64 ",\"real_us\":%" PRId64
		 ",\"paused\":%s,\"busy\":%s,\"shifted\":false}",
		 row.spec, NOW + row.due_us, NOW, NOW + row.last_us, NOW + row.seen_us, NOW,
		 row.paused ? "true" : "false", row.busy ? "true" : "false");
	fake_answer_primary(fetch(), 2000, json, 1);
}

/* All is as this instance has it, and nothing is due for an hour. */
#define IDLE ((struct row){ .spec = "@every 1h", .due_us = HOUR, .last_us = -HOUR })

static void answer_changed(const char *statement, unsigned rows)
{
	fake_commit(out(statement), 2100, rows > 0, rows ? "{\"command\":\"tick\"}" : NULL, rows);
}

/* Its schedule is set, and it has slept. */
static void settle(struct scene *scene, const char *text)
{
	struct row row = IDLE;

	if (strcmp(text, CRON) == 0)
		row = (struct row){ .spec = "@cron */30 * * * *", .due_us = HOUR / 2 };
	start(scene, text);
	answer(row);
	assert_asleep(scene, ASLEEP_US);
	scene_pass(scene, 2 * S);
	fetch();
}

/* --- when it reads ---------------------------------------------------------------------------- */

static void what_wakes_it_while_a_call_is_out_is_read_behind_that(void **state)
{
	enum { FETCHED, SET, RUN, FAILED, ENDS };
	struct scene *scene = *state;

	for (unsigned end = 0; end < ENDS; end++) {
		start(scene, EVERY);
		if (end == SET)
			answer((struct row){ .spec = "@every 2h" });
		else if (end == RUN)
			answer((struct row){ .spec = "@every 1h" });
		serve(scene, OTHER);
		job_schedules_wake(&schedules);
		scene_pass(scene, 1); /* what it is woken for passes, as a call is out */
		if (end == SET)
			answer_changed("jobs.schedules-set", 1);
		else if (end == RUN)
			answer_changed("jobs.schedules-run", 0);
		else if (end == FETCHED)
			answer(IDLE);
		else
			fake_lost(fetch(), CALL_LOST, "the story says so");

		scene_pass(scene, 1);
		answer(IDLE);
		assert_string_equal(out("jobs.schedules-set")->values[SCHEDULE_SET_COMMANDS],
				    "{\"tock\"}");
		teardown(state);
		setup(state);
		scene = *state;
	}
}

static void another_primary_while_a_call_is_out_is_read_behind_that(void **state)
{
	struct scene *scene = *state;

	start(scene, EVERY);
	scene->topology.primary_position.timeline = 2;
	scene_publish(scene);
	router_refresh(scene->router);
	job_schedules_wake(&schedules);
	scene_pass(scene, 1);
	answer(IDLE);

	scene_pass(scene, 1);
	fetch();
}

static void what_is_woken_for_nothing_new_sleeps_on(void **state)
{
	struct scene *scene = *state;

	settle(scene, EVERY);
	job_schedules_wake(&schedules);
	answer(IDLE);
	job_schedules_wake(&schedules);
	assert_asleep(scene, ASLEEP_US);
}

static void without_an_answer_it_asks_again_later(void **state)
{
	struct scene *scene = *state;

	start(scene, EVERY);
	fake_lost(fetch(), CALL_LOST, "the story says so");
	assert_asleep(scene, S - 1);
	scene_pass(scene, 1);
	fetch();
}

static void what_is_stopped_asks_no_more(void **state)
{
	struct scene *scene = *state;

	start(scene, EVERY);
	job_schedules_drain(&schedules);
	answer((struct row){ .spec = "@every 1h" });
	assert_asleep(scene, HOUR);
}

/* --- whose a row is --------------------------------------------------------------------------- */

static void a_catalog_that_is_new_sets_its_spec_at_once(void **state)
{
	start(*state, EVERY);
	answer((struct row){ .spec = "@every 2h", .due_us = HOUR / 2 });
	assert_set("{\"@every 1h\"}", number(NOW + HOUR), number(NOW));
}

/* Else two instances with new catalogs would set it in turns. */
static void a_spec_is_set_once_for_a_catalog(void **state)
{
	struct scene *scene = *state;

	start(scene, EVERY);
	answer((struct row){ .spec = "@every 2h", .due_us = HOUR });
	answer_changed("jobs.schedules-set", 1);
	scene_pass(scene, 1);
	answer((struct row){ .spec = "@every 3h", .due_us = HOUR });
	assert_asleep(scene, ASLEEP_US);
}

static void what_another_has_set_meanwhile_is_read_and_set_again(void **state)
{
	struct scene *scene = *state;

	start(scene, EVERY);
	answer((struct row){ .spec = "@every 2h", .due_us = HOUR });
	answer_changed("jobs.schedules-set", 0);
	/* Not in a loop without a pause. */
	assert_asleep(scene, BEATEN_US - 1);
	scene_pass(scene, 1);
	answer((struct row){ .spec = "@every 3h", .due_us = HOUR, .seen_us = S });
	assert_set("{\"@every 1h\"}", number(NOW + HOUR), number(NOW + S));
}

static void another_spec_is_left_alone_for_a_minute_and_then_taken_over(void **state)
{
	struct row row = { .spec = "@every 2h", .due_us = HOUR, .seen_us = -60 * S };
	struct scene *scene = *state;

	settle(scene, EVERY);
	answer(row);
	assert_asleep(scene, ASLEEP_US);
	scene_pass(scene, 2 * S);
	row.seen_us -= 1;
	answer(row);
	assert_set("{\"@every 1h\"}", number(NOW + HOUR), number(NOW - 60 * S - 1));
}

static void a_spec_that_was_seen_ahead_is_seen_now_whosever_it_is(void **state)
{
	struct scene *scene = *state;

	settle(scene, EVERY);
	answer((struct row){ .spec = "@every 2h", .due_us = HOUR, .seen_us = S });
	assert_set("{\"@every 2h\"}", number(NOW + HOUR), number(NOW + S));
}

static void its_own_row_is_seen_each_25_s(void **state)
{
	struct row row = IDLE;
	struct scene *scene = *state;

	settle(scene, EVERY);
	row.seen_us = -25 * S;
	answer(row);
	assert_asleep(scene, ASLEEP_US);
	scene_pass(scene, 2 * S);
	row.seen_us -= 1;
	answer(row);
	assert_set("{\"@every 1h\"}", number(NOW + HOUR), number(NOW - 25 * S - 1));
}

static void its_own_row_that_was_seen_ahead_is_seen_now(void **state)
{
	struct row row = IDLE;
	struct scene *scene = *state;

	settle(scene, EVERY);
	row.seen_us = 1;
	answer(row);
	assert_set("{\"@every 1h\"}", number(NOW + HOUR), number(NOW + 1));
}

static void a_row_that_is_held_is_seen_too(void **state)
{
	struct row row = { .spec = "@every 1h", .seen_us = -26 * S };

	for (unsigned i = 0; i < 2; i++) {
		row.paused = i == 0;
		row.busy = i == 1;
		start(*state, EVERY);
		answer(row);
		assert_set("{\"@every 1h\"}", number(NOW), number(NOW - 26 * S));
		teardown(state);
		setup(state);
	}
}

/* --- the primary's clock ---------------------------------------------------------------------- */

static void an_interval_that_lies_further_ahead_than_itself_begins_now(void **state)
{
	struct row row = IDLE;
	struct scene *scene = *state;

	settle(scene, EVERY);
	row.due_us = HOUR + S;
	answer(row);
	assert_asleep(scene, ASLEEP_US);
	scene_pass(scene, 2 * S);
	row.due_us++;
	answer(row);
	assert_set("{\"@every 1h\"}", number(NOW + HOUR), number(NOW));
}

static void a_time_of_cron_that_lies_behind_another_comes_down_to_that(void **state)
{
	struct scene *scene = *state;

	settle(scene, CRON);
	answer((struct row){ .spec = "@cron */30 * * * *", .due_us = 24 * HOUR, .last_us = -HOUR });
	assert_set("{\"@cron */30 * * * *\"}", number(NOW + HOUR / 2), number(NOW));
}

/* The clock was ahead, and goes over these times once more. */
static void a_time_that_cron_has_had_comes_no_second_time(void **state)
{
	struct row row = { .spec = "@cron */30 * * * *", .due_us = 3 * HOUR };
	struct scene *scene = *state;

	settle(scene, CRON);
	row.last_us = row.due_us - HOUR / 2;
	answer(row);
	assert_asleep(scene, ASLEEP_US);
	scene_pass(scene, 2 * S);
	row.last_us -= HOUR / 2;
	answer(row);
	assert_set("{\"@cron */30 * * * *\"}", number(NOW + 3 * HOUR - HOUR / 2), number(NOW));
}

/* --- what is due ------------------------------------------------------------------------------ */

static void what_is_due_is_run_and_has_come(void **state)
{
	struct scene *scene = *state;
	const struct call *call;

	settle(scene, EVERY);
	answer((struct row){ .spec = "@every 1h", .due_us = -HOUR / 2, .last_us = -2 * HOUR });
	call = out("jobs.schedules-run");
	assert_string_equal(call->values[SCHEDULE_RUN_DUE_US], number(NOW - HOUR / 2));
	assert_string_equal(call->values[SCHEDULE_RUN_NEXT_US], number(NOW + HOUR / 2));
	answer_changed("jobs.schedules-run", 1);

	assert_int_equal(accepted, 1);
	scene_pass(scene, 1);
	fetch();
}

static void what_is_due_but_held_is_asked_for_each_second(void **state)
{
	struct row row = { .spec = "@every 1h" };
	struct scene *scene = *state;

	settle(scene, EVERY);
	for (unsigned i = 0; i < 2; i++) {
		row.paused = i == 0;
		row.busy = i == 1;
		answer(row);
		assert_asleep(scene, S - 1);
		scene_pass(scene, S / 10);
	}
	fetch();
}

#define STORY(story) cmocka_unit_test_setup_teardown(story, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(what_wakes_it_while_a_call_is_out_is_read_behind_that),
		STORY(another_primary_while_a_call_is_out_is_read_behind_that),
		STORY(what_is_woken_for_nothing_new_sleeps_on),
		STORY(without_an_answer_it_asks_again_later),
		STORY(what_is_stopped_asks_no_more),
		STORY(a_catalog_that_is_new_sets_its_spec_at_once),
		STORY(a_spec_is_set_once_for_a_catalog),
		STORY(what_another_has_set_meanwhile_is_read_and_set_again),
		STORY(another_spec_is_left_alone_for_a_minute_and_then_taken_over),
		STORY(a_spec_that_was_seen_ahead_is_seen_now_whosever_it_is),
		STORY(its_own_row_is_seen_each_25_s),
		STORY(its_own_row_that_was_seen_ahead_is_seen_now),
		STORY(a_row_that_is_held_is_seen_too),
		STORY(an_interval_that_lies_further_ahead_than_itself_begins_now),
		STORY(a_time_of_cron_that_lies_behind_another_comes_down_to_that),
		STORY(a_time_that_cron_has_had_comes_no_second_time),
		STORY(what_is_due_is_run_and_has_come),
		STORY(what_is_due_but_held_is_asked_for_each_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
