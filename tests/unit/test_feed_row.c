/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_libpq.c fake_libpq_result.c fake_libpq_server.c pg_stage.c group_story.c */
/* The row of the feed that commands write: when it is sent, and of whose tags. */
#include "base/limits.h"
#include "fake_libpq.h"
#include "group_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define FEED(tags) "prepare:feed feed(" tags ") "
#define POSITION "prepare:position position sync"

static const uint64_t tags[] = { 101, 102, 103 }, shared[] = { 500 };
static const uint64_t all[] = { 0 }, negative[] = { (uint64_t)-7, 8 };

static void answer_feed(void)
{
	fake_answer_with((struct fake_answer){ .text = "INSERT INTO cqrsd.invalidation" });
}

static void make_stale(struct call *call, const uint64_t *which, unsigned count)
{
	call->tags = which;
	call->tags_count = count;
}

/* Three of one group, each with a tag of its own: 101, 102, 103. */
static void send_three_with_tags(struct statement *(*statement)(unsigned number))
{
	answer_feed();
	open_groups(2, GROUP_CALLS_MAX);
	for (unsigned i = 0; i < 3; i++) {
		init_for_group(&calls[i], statement(i + 1));
		make_stale(&calls[i].call, &tags[i], 1);
		assert_true(pool_submit(stage.pool, &calls[i].call));
	}
	stage_turn();
}

static void lone(struct stage_call *call, const uint64_t *which, unsigned count)
{
	answer_feed();
	stage_open(NODE_PRIMARY, 2);
	stage_call_init(call, CALL_COMMAND, stage_statement(1), "7");
	make_stale(&call->call, which, count);
}

static void send_lone(struct stage_call *call)
{
	assert_true(pool_submit(stage.pool, &call->call));
	stage_turn();
}

/* --- alone ------------------------------------------------------------------------------------ */

static void test_a_command_writes_its_tags_before_its_end(void **state)
{
	struct stage_call call;

	lone(&call, negative, 2);
	send_lone(&call);
	assert_string_equal(fake_sent(CONN), "prepare:s1 s1(7) " FEED("{-7,8}") "prepare:xid xid "
										"sync " POSITION);
	stage_answer(CONN);
	assert_int_equal(call.call.end, CALL_OK);
	stage_call_fini(&call);
}

static void test_the_tag_of_all_is_none(void **state)
{
	struct stage_call call;

	lone(&call, all, 1);
	call.call.transaction = TRANSACTION_EXPLICIT;
	send_lone(&call);
	assert_string_equal(
		fake_sent(CONN),
		BEGIN "prepare:s1 s1(7) " FEED("null") "prepare:xid xid [COMMIT] sync " POSITION);
	stage_answer(CONN);
	assert_int_equal(call.call.end, CALL_OK);
	stage_call_fini(&call);
}

static bool on_ran(struct call *call)
{
	(void)call;
	return true;
}

/* The row of the key would be a write of a command that wrote nothing. */
static void test_a_command_with_a_key_writes_them_before_its_reply(void **state)
{
	static const char *const seven[] = { "7" };
	struct call_frame frame = { .before = stage_statement(8),
				    .behind = stage_statement(9),
				    .before_values = seven,
				    .behind_values = seven,
				    .on_ran = on_ran };
	struct stage_call call;

	fake_answer_with((struct fake_answer){ .text = "SELECT 8." });
	fake_answer_with((struct fake_answer){ .text = "SELECT 9." });
	lone(&call, tags, 1);
	call.call.frame = &frame;
	send_lone(&call);
	assert_string_equal(fake_sent(CONN), BEGIN "prepare:s8 s8(7) prepare:s1 s1(7) sync");
	stage_answer(CONN);
	assert_string_equal(fake_sent(CONN), FEED("{101}") "prepare:s9 s9(7) prepare:xid xid "
							   "[COMMIT] sync " POSITION);
	stage_answer(CONN);
	assert_int_equal(call.call.end, CALL_OK);
	stage_call_fini(&call);
}

static void test_a_row_that_is_refused_is_the_error_of_its_command(void **state)
{
	struct stage_call call;

	fail_with("INSERT INTO cqrsd.invalidation", "42501", 0);
	lone(&call, tags, 1);
	send_lone(&call);
	stage_answer(CONN);
	assert_int_equal(call.told, 1);
	assert_int_equal(call.call.end, CALL_ERROR);
	assert_string_equal(call.call.error.sqlstate, "42501");
	stage_call_fini(&call);
}

/* --- together --------------------------------------------------------------------------------- */

static void test_a_group_writes_one_row(void **state)
{
	send_three_with_tags(known);
	assert_string_equal(fake_sent(CONN),
			    BEGIN FIRST("1") NEXT("2") NEXT("3") FEED("{101,102,103}") FIRST_END);
	stage_answer(CONN);
	assert_all_went_well();
	end_calls();
}

static void test_a_tag_of_several_is_there_once(void **state)
{
	answer_feed();
	open_groups(2, GROUP_CALLS_MAX);
	for (unsigned i = 0; i < 3; i++) {
		init_for_group(&calls[i], known(1));
		make_stale(&calls[i].call, i == 1 ? NULL : shared, i != 1);
		assert_true(pool_submit(stage.pool, &calls[i].call));
	}
	stage_turn();
	assert_non_null(strstr(fake_sent(CONN), FEED("{500}")));
	stage_answer(CONN);
	end_calls();
}

static void test_a_group_without_tags_writes_none(void **state)
{
	send_three();
	assert_null(strstr(fake_sent(CONN), "feed"));
	stage_answer(CONN);
	end_calls();
}

static void test_one_that_is_rolled_back_makes_nothing_stale(void **state)
{
	fail_with("SELECT 2.", "23505", 2);
	send_three_with_tags(known);
	(void)fake_sent(CONN);
	stage_answer(CONN);
	assert_non_null(strstr(fake_sent(CONN), FEED("{101,103}")));
	stage_answer(CONN);
	assert_int_equal(calls[0].call.end, CALL_OK);
	assert_int_equal(calls[1].call.end, CALL_ERROR);
	end_calls();
}

static void test_a_group_that_is_sent_again_writes_it_again(void **state)
{
	fail_with("SELECT 2.", "23505", 0);
	send_three_with_tags(calm);
	(void)fake_sent(CONN);
	stage_answer(CONN);
	assert_non_null(strstr(fake_sent(CONN), FEED("{101,102,103}")));
	stage_answer(CONN);
	assert_non_null(strstr(fake_sent(CONN), FEED("{101,103}")));
	stage_answer(CONN);
	assert_int_equal(calls[2].call.end, CALL_OK);
	end_calls();
}

/* It has run, and commits. */
static void test_one_that_is_forgotten_makes_stale_what_it_did(void **state)
{
	fail_with("SELECT 2.", "23505", 2);
	send_three_with_tags(known);
	(void)fake_sent(CONN);
	pool_forget(stage.pool, &calls[0].call);
	stage_answer(CONN);
	assert_non_null(strstr(fake_sent(CONN), FEED("{101,103}")));
	stage_answer(CONN);
	end_calls();
}

static void test_one_that_is_forgotten_and_not_sent_again_makes_nothing_stale(void **state)
{
	fail_with("SELECT 2.", "23505", 0);
	send_three_with_tags(calm);
	pool_forget(stage.pool, &calls[0].call);
	(void)fake_sent(CONN);
	stage_answer(CONN);
	assert_non_null(strstr(fake_sent(CONN), FEED("{102,103}")));
	stage_answer(CONN);
	stage_answer(CONN);
	end_calls();
}

static void test_a_row_that_is_refused_breaks_the_group(void **state)
{
	fail_with("INSERT INTO cqrsd.invalidation", "42501", 0);
	send_three_with_tags(known);
	for (unsigned i = 0; i < 8; i++)
		stage_answer(CONN);
	for (unsigned i = 0; i < 3; i++)
		assert_string_equal(calls[i].call.error.sqlstate, "42501");
	end_calls_as(CALL_ERROR);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, stage_clear, stage_close)
	const struct CMUnitTest tests[] = {
		TEST(a_command_writes_its_tags_before_its_end),
		TEST(the_tag_of_all_is_none),
		TEST(a_command_with_a_key_writes_them_before_its_reply),
		TEST(a_row_that_is_refused_is_the_error_of_its_command),
		TEST(a_group_writes_one_row),
		TEST(a_tag_of_several_is_there_once),
		TEST(a_group_without_tags_writes_none),
		TEST(one_that_is_rolled_back_makes_nothing_stale),
		TEST(a_group_that_is_sent_again_writes_it_again),
		TEST(one_that_is_forgotten_makes_stale_what_it_did),
		TEST(one_that_is_forgotten_and_not_sent_again_makes_nothing_stale),
		TEST(a_row_that_is_refused_breaks_the_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
