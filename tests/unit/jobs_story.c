/* SPDX-License-Identifier: Apache-2.0 */
/* The primary has one conn for queries, one for commands, and those for jobs. */
#include "jobs_story.h"

#include "base/clock.h"
#include "fake_libpq.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define CLAIM 90
#define FINISHES 91

struct jobs_story story;

static struct statement *known(unsigned number)
{
	struct statement *statement = stage_statement(number);

	if (!statement->running_us)
		statement->running_us = 100;
	return statement;
}

static unsigned on_claimed(struct call *claim)
{
	assert_ptr_equal(claim->jobs, &story.jobs);
	assert_int_equal(claim->rows, 1);
	story.claimed++;
	for (unsigned i = 0; i < story.count; i++)
		story.jobs.calls[i] = &story.calls[i].call;
	return story.count;
}

static bool on_ran(struct call *claim)
{
	assert_ptr_equal(claim->jobs, &story.jobs);
	story.ran++;
	for (unsigned i = 0; i < story.jobs.count; i++)
		story.ends[i] = story.calls[i].call.end;
	story.finish_values[0] = "f";
	story.jobs.finish_values = story.finish_values;
	return !story.unwanted;
}

void answer_finishes(void)
{
	fake_answer_with((struct fake_answer){ .text = "SELECT 91." });
}

void open_jobs(unsigned jobs_max)
{
	struct pool_settings settings = stage_settings;

	settings.jobs_max = jobs_max;
	answer_finishes();
	stage_open_with(NODE_PRIMARY, &settings);
}

void init_jobs(unsigned count)
{
	story = (struct jobs_story){ .count = count };
	stage_call_init(&story.claim, CALL_JOBS, stage_statement(CLAIM), "w");
	story.claim.call.jobs = &story.jobs;
	story.jobs.finish = stage_statement(FINISHES);
	story.jobs.on_claimed = on_claimed;
	story.jobs.on_ran = on_ran;
	for (unsigned i = 0; i < JOBS_STORY_MAX; i++) {
		stage_call_init(&story.calls[i], CALL_COMMAND, known(i + 1), "7");
		story.calls[i].call.on_done = NULL;
	}
}

void send_jobs_again(unsigned count)
{
	init_jobs(count);
	assert_true(pool_submit(stage.pool, &story.claim.call));
	stage_turn();
}

void send_jobs(unsigned count)
{
	send_jobs_again(count);
	stage_connect();
	stage_turn();
}

void answer_jobs(void)
{
	stage_answer(JOBS);
}

void end_jobs(void)
{
	stage_call_fini(&story.claim);
	for (unsigned i = 0; i < JOBS_STORY_MAX; i++)
		stage_call_fini(&story.calls[i]);
}

void assert_jobs_end(enum call_end end)
{
	assert_int_equal(story.claim.told, 1);
	assert_int_equal(story.claim.call.end, end);
	assert_int_equal(pool_load(stage.pool), 0);
	for (unsigned i = 0; i < JOBS_STORY_MAX; i++) {
		assert_int_equal(story.calls[i].told, 0);
		assert_int_equal(story.calls[i].call.state, CALL_AT_MAKER);
		assert_null(story.calls[i].call.conn);
	}
}

void assert_job(unsigned at, enum call_end end, const char *out)
{
	assert_int_equal(story.ends[at], end);
	assert_int_equal(story.calls[at].call.end, end);
	assert_string_equal(stage_out(&story.calls[at]), out);
}

void fail_jobs_with(const char *text, const char *sqlstate, unsigned times)
{
	fake_answer_with((struct fake_answer){
		.text = text, .what = FAKE_ERROR, .times = times, .sqlstate = sqlstate });
}

void end_conn_with(const char *text, const char *sqlstate, unsigned times)
{
	fake_answer_with((struct fake_answer){ .text = text,
					       .what = FAKE_ERROR,
					       .times = times,
					       .sqlstate = sqlstate,
					       .severity = "FATAL" });
}

void send_jobs_trip(unsigned trip)
{
	send_jobs(2);
	while (--trip)
		answer_jobs();
	(void)fake_sent(JOBS);
}

void assert_jobs_go_on(void)
{
	end_jobs();
	send_jobs_again(2);
	stage_pass(2 * US_PER_S); /* where a conn was lost, the next one is dialed later */
	stage_connect();
	stage_turn();
	for (unsigned trip = 0; trip < 3; trip++)
		stage_answer(fake_dialed() - 1);
	assert_jobs_end(CALL_OK);
	assert_int_equal(story.ran, 1);
	end_jobs();
}
