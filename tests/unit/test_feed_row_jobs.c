/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_libpq.c fake_libpq_result.c fake_libpq_server.c pg_stage.c jobs_story.c */
/* The row of the feed that a batch of jobs writes. */
#include "fake_libpq.h"
#include "jobs_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define ROW(tags)                                                                                  \
	"prepare:release release prepare:s91 s91(f) prepare:feed feed(" tags ") prepare:end end "  \
	"[COMMIT] sync prepare:position position sync"

static const uint64_t tags[] = { 101, 102 };

static void send_two_with_tags(void)
{
	fake_answer_with((struct fake_answer){ .text = "INSERT INTO cqrsd.invalidation" });
	open_jobs(1);
	init_jobs(2);
	for (unsigned i = 0; i < 2; i++) {
		story.calls[i].call.tags = &tags[i];
		story.calls[i].call.tags_count = 1;
	}
	assert_true(pool_submit(stage.pool, &story.claim.call));
	stage_turn();
	stage_connect();
	stage_turn();
	answer_jobs();
	(void)fake_sent(JOBS);
}

static void test_jobs_write_one_row_behind_their_end(void **state)
{
	send_two_with_tags();
	answer_jobs();
	assert_string_equal(fake_sent(JOBS), ROW("{101,102}"));
	answer_jobs();
	assert_jobs_end(CALL_OK);
	end_jobs();
}

static void test_a_job_that_fails_makes_nothing_stale(void **state)
{
	bool sent = false;

	fail_jobs_with("SELECT 2.", "23505", 0);
	send_two_with_tags();
	for (unsigned trip = 0; trip < 4 && !sent; trip++) {
		answer_jobs();
		sent = strstr(fake_sent(JOBS), "feed({101}) ");
	}
	assert_true(sent);
	answer_jobs();
	assert_jobs_end(CALL_OK);
	end_jobs();
}

static void test_a_row_that_is_refused_rolls_them_back(void **state)
{
	fail_jobs_with("INSERT INTO cqrsd.invalidation", "42501", 0);
	send_two_with_tags();
	for (unsigned i = 0; i < 3; i++)
		answer_jobs();
	assert_jobs_end(CALL_ERROR);
	assert_string_equal(story.claim.call.error.sqlstate, "42501");
	assert_int_equal(story.jobs.blamed, JOBS_NONE);
	end_jobs();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, stage_clear, stage_close)
	const struct CMUnitTest tests[] = {
		TEST(jobs_write_one_row_behind_their_end),
		TEST(a_job_that_fails_makes_nothing_stale),
		TEST(a_row_that_is_refused_rolls_them_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
