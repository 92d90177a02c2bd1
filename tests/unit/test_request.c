/* SPDX-License-Identifier: Apache-2.0 */
/* A request is a state machine, and runs until one of its states waits. */
#include "base/request.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop *loop;
static struct request *request;
static char trail[16]; /* a letter for each step that ran */
static int done;

static enum step step_a(struct request *one)
{
	strcat(trail, "a");
	return STEP_NEXT;
}

static int let_go;

static void on_let_go(struct request *one)
{
	let_go++;
}

static enum step step_wait(struct request *one)
{
	strcat(trail, "w");
	return request_wait(one, WAIT_REPLICA, on_let_go);
}

/* Says that it waits, and nothing knows for what. */
static enum step step_forgets_its_slot(struct request *one)
{
	return STEP_WAIT;
}

static enum step step_end(struct request *one)
{
	strcat(trail, "e");
	return STEP_DONE;
}

static enum step step_fail(struct request *one)
{
	buf_literal(&one->out, "half a document");
	return request_fail(one, OUTCOME_CONFLICT, "row %d is taken", 7);
}

/* Hands the request to someone who finishes it before this step returns. */
static enum step step_at_once(struct request *one)
{
	enum step step = request_wait(one, WAIT_REPLICA, on_let_go);

	request_resume(one, STEP_NEXT);
	return step;
}

static void on_done(struct request *one)
{
	done++;
	request_free(one);
	request = NULL;
}

static void count_done(struct request *one)
{
	done++;
}

static void never(struct loop_timer *timer)
{
	fail_msg("the timer of an ended request");
}

static int setup(void **state)
{
	loop = loop_new("test");
	loop_fake_clock(loop, 1000);
	request = request_new(loop);
	request->on_done = count_done;
	trail[0] = '\0';
	done = let_go = 0;
	return 0;
}

static int teardown(void **state)
{
	if (request)
		request_free(request);
	request_cache_fini();
	loop_free(loop);
	return 0;
}

static struct list in_state[REQUEST_STATES_MAX];
static struct request_path path;

static void begin(const struct request_state *states, unsigned count)
{
	path = (struct request_path){ states, count };
	request_path_check(&path);
	for (unsigned i = 0; i < count; i++)
		list_init(&in_state[i]);
	request_begin(request, &path, in_state);
}

static void begin_waiting(void)
{
	static const struct request_state states[] = { { "step_wait", 0, step_wait } };

	begin(states, 1);
}

static void steps_run_in_their_order_until_one_is_done(void **state)
{
	static const struct request_state states[] = {
		{ "step_a", 0, step_a },
		{ "step_a", 0, step_a },
		{ "step_end", 0, step_end },
		{ "step_a", 0, step_a },
	};

	begin(states, sizeof(states) / sizeof(states[0]));
	request_run(request);
	assert_string_equal(trail, "aae");
	assert_int_equal(done, 1);
	assert_true(request->done_us == 1000);
}

static void a_waiting_request_runs_on_where_it_stopped(void **state)
{
	static const struct request_state states[] = {
		{ "step_a", 0, step_a },
		{ "step_wait", 0, step_wait },
		{ "step_end", 0, step_end },
	};

	begin(states, sizeof(states) / sizeof(states[0]));
	request_run(request);
	assert_string_equal(trail, "aw");
	assert_int_equal(done, 0);
	loop_fake_clock(loop, 5000);
	request_resume(request, STEP_NEXT);
	assert_string_equal(trail, "awe");
	assert_int_equal(done, 1);
	assert_true(request->done_us == 5000);
	assert_int_equal(let_go, 0);
}

static void a_waiting_request_may_run_its_step_once_more(void **state)
{
	static const struct request_state states[] = {
		{ "step_a", 0, step_a },
		{ "step_wait", 0, step_wait },
		{ "step_end", 0, step_end },
	};

	begin(states, sizeof(states) / sizeof(states[0]));
	request_run(request);
	request_run(request);
	assert_string_equal(trail, "aww");
	assert_int_equal(done, 0);
	request_resume(request, STEP_DONE);
	assert_string_equal(trail, "aww");
	assert_int_equal(done, 1);
}

static void a_request_says_what_it_waits_for(void **state)
{
	int64_t sent_us = 0;

	assert_int_equal(request_wait_kind(request), WAIT_NONE);
	begin_waiting();
	(void)request_wait_for_call(request, &sent_us, on_let_go);
	assert_string_equal(wait_text(request_wait_kind(request)), "queue");
	sent_us = 2000;
	assert_string_equal(wait_text(request_wait_kind(request)), "db");
	loop_fake_clock(loop, 3000);
	request_wait_goes_on(request, WAIT_BACKOFF, NULL);
	assert_string_equal(wait_text(request_wait_kind(request)), "backoff");
	assert_true(request->wait.since_us == 3000);
	request_wait_over(request);
	assert_int_equal(request_wait_kind(request), WAIT_NONE);
}

static void what_a_request_waits_for_is_let_go_of_once(void **state)
{
	begin_waiting();
	(void)request_wait(request, WAIT_DESCRIBE, on_let_go);
	request_let_go(request);
	request_let_go(request);
	assert_int_equal(let_go, 1);
	assert_int_equal(request_wait_kind(request), WAIT_NONE);
}

static void run_a_step_without_a_slot(void)
{
	static const struct request_state states[] = {
		{ "step_forgets_its_slot", 0, step_forgets_its_slot },
	};

	begin(states, sizeof(states) / sizeof(states[0]));
	request_run(request);
}

static void fill_a_slot_twice(void)
{
	begin_waiting();
	(void)request_wait(request, WAIT_REPLICA, on_let_go);
	(void)request_wait(request, WAIT_BACKOFF, on_let_go);
}

/* In a process of its own: what asserts does not come back. */
static bool dies(void (*story)(void))
{
	int status = 0;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		signal(SIGABRT, SIG_DFL);
		if (!freopen("/dev/null", "w", stderr))
			_exit(0);
		story();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void a_step_that_waits_for_nothing_is_a_bug(void **state)
{
	assert_true(dies(run_a_step_without_a_slot));
	assert_true(dies(fill_a_slot_twice));
}

static void a_request_finished_inside_its_step_is_touched_no_more(void **state)
{
	static const struct request_state states[] = {
		{ "step_at_once", 0, step_at_once },
		{ "step_end", 0, step_end },
	};

	begin(states, sizeof(states) / sizeof(states[0]));
	request->on_done = on_done;
	request_run(request);
	assert_int_equal(done, 1);
	assert_string_equal(trail, "e");
}

static void who_waits_is_on_the_list_of_its_state(void **state)
{
	static const struct request_state states[] = {
		{ "step_a", 0, step_a },
		{ "step_wait", 0, step_wait },
		{ "step_end", 0, step_end },
	};

	begin(states, 3);
	request_run(request);
	assert_int_equal(in_state[0].count, 0);
	assert_int_equal(in_state[1].count, 1);
	request_finish(request);
	assert_int_equal(in_state[1].count, 0);
	assert_int_equal(let_go, 1);
	assert_int_equal(done, 1);
}

/* Back to the beginning, once. */
static enum step step_back(struct request *one)
{
	if (strlen(trail) > 1)
		return STEP_NEXT;
	request_move(one, 0);
	return STEP_MOVED;
}

static void a_step_may_move_to_a_state_that_its_row_names(void **state)
{
	static const struct request_state states[] = {
		{ "step_a", 0, step_a },
		{ "step_back", 1u << 0, step_back },
		{ "step_end", 0, step_end },
	};

	begin(states, 3);
	request_run(request);
	assert_string_equal(trail, "aae");
	assert_int_equal(done, 1);
}

static void move_where_no_row_leads(void)
{
	static const struct request_state states[] = {
		{ "step_a", 0, step_a },
		{ "step_back", 0, step_back },
	};

	begin(states, 2);
	request_run(request);
}

static void go_beyond_the_last_state(void)
{
	static const struct request_state states[] = { { "step_a", 0, step_a } };

	begin(states, 1);
	request_run(request);
}

static void leave_out_a_row(void)
{
	static const struct request_state states[3] = {
		[0] = { "step_a", 0, step_a },
		[2] = { "step_end", 0, step_end },
	};

	begin(states, 3);
}

static void lead_out_of_the_path(void)
{
	static const struct request_state states[] = { { "step_a", 1u << 3, step_a } };

	begin(states, 1);
}

static void run_a_state_that_only_waits(void)
{
	static const struct request_state states[] = { { "out", 0, NULL } };

	begin(states, 1);
	request_run(request);
}

static void what_no_row_allows_is_a_bug(void **state)
{
	assert_true(dies(move_where_no_row_leads));
	assert_true(dies(go_beyond_the_last_state));
	assert_true(dies(leave_out_a_row));
	assert_true(dies(lead_out_of_the_path));
	assert_true(dies(run_a_state_that_only_waits));
}

static void the_deadline_of_a_request_that_ended_is_cancelled(void **state)
{
	static const struct request_state states[] = {
		{ "step_end", 0, step_end },
	};

	begin(states, sizeof(states) / sizeof(states[0]));
	request->timer.on_due = never;
	loop_timer_set(loop, &request->timer, 2000);
	request_run(request);
	assert_int_equal(request->timer.slot, 0);
	loop_fake_clock(loop, 3000);
	loop_turn(loop, 0);
}

static void a_failure_says_why_and_sends_no_half_document(void **state)
{
	static const struct request_state states[] = {
		{ "step_fail", 0, step_fail },
		{ "step_a", 0, step_a },
	};

	begin(states, sizeof(states) / sizeof(states[0]));
	request_run(request);
	assert_int_equal(request->outcome, OUTCOME_CONFLICT);
	assert_string_equal(request->detail, "row 7 is taken");
	assert_int_equal(request->out.len, 0);
	assert_string_equal(trail, "");
	assert_int_equal(done, 1);
}

static void wrong_parameters_are_gathered_up_to_a_limit(void **state)
{
	char name[] = "first";

	request_param_error(request, text_of(name), "wants %s", "a number");
	name[0] = 'X';
	assert_string_equal(request->errors[0].param, "first");
	assert_string_equal(request->errors[0].detail, "wants a number");
	for (int i = 0; i < 2 * PARAM_ERRORS_MAX; i++)
		request_param_error(request, TEXT("more"), "%d", i);
	assert_int_equal(request->errors_count, PARAM_ERRORS_MAX);
}

static void a_request_from_the_cache_is_like_new(void **state)
{
	struct request *first = request;
	struct json_error error;
	char *out;

	(void)!arena_alloc(&request->arena, 100);
	request->user = TEXT("ann");
	request->status = 404;
	request->body = json_read(TEXT("{}"), &error);
	buf_literal(&request->out, "{}");
	out = request->out.ptr;
	request_free(request);

	request = request_new(loop);
	assert_ptr_equal(request, first);
	assert_null(request->user.ptr);
	assert_int_equal(request->status, 0);
	assert_null(request->body);
	assert_true(request->staleness_us_max == -1);
	assert_true(request->wait_us_max == -1);
	assert_true(request->lag_us == -1);
	assert_int_equal(request->out.len, 0);
	assert_ptr_equal(request->out.ptr, out);
}

static void a_large_answer_does_not_stay_in_the_cache(void **state)
{
	buf_reserve(&request->out, 10 << 20);
	request_free(request);
	request = request_new(loop);
	assert_int_equal(request->out.room, 0);
}

static void more_requests_than_the_cache_holds_are_freed(void **state)
{
	static struct request *many[REQUEST_CACHE_MAX + 10];

	for (size_t i = 0; i < REQUEST_CACHE_MAX + 10; i++)
		many[i] = request_new(loop);
	for (size_t i = 0; i < REQUEST_CACHE_MAX + 10; i++)
		request_free(many[i]);
}

static void levels_and_reasons_have_the_words_of_the_headers(void **state)
{
	assert_int_equal(level_parse(TEXT("eventual")), LEVEL_EVENTUAL);
	assert_int_equal(level_parse(TEXT("session")), LEVEL_SESSION);
	assert_int_equal(level_parse(TEXT("strong")), LEVEL_STRONG);
	assert_int_equal(level_parse(TEXT("default")), LEVEL_DEFAULT);
	assert_int_equal(level_parse(TEXT("Strong")), LEVEL_DEFAULT);
	assert_int_equal(level_parse(TEXT("")), LEVEL_DEFAULT);
	assert_string_equal(level_text(LEVEL_SESSION), "session");
	assert_string_equal(reason_text(REASON_FRESH), "fresh");
	assert_string_equal(reason_text(REASON_SPILL_NO_REPLICA), "spill-no-replica");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(steps_run_in_their_order_until_one_is_done, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_waiting_request_runs_on_where_it_stopped, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_waiting_request_may_run_its_step_once_more, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_request_says_what_it_waits_for, setup, teardown),
		cmocka_unit_test_setup_teardown(what_a_request_waits_for_is_let_go_of_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_step_that_waits_for_nothing_is_a_bug, setup,
						teardown),
		cmocka_unit_test_setup_teardown(who_waits_is_on_the_list_of_its_state, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_step_may_move_to_a_state_that_its_row_names,
						setup, teardown),
		cmocka_unit_test_setup_teardown(what_no_row_allows_is_a_bug, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_request_finished_inside_its_step_is_touched_no_more, setup, teardown),
		cmocka_unit_test_setup_teardown(the_deadline_of_a_request_that_ended_is_cancelled,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_failure_says_why_and_sends_no_half_document,
						setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_parameters_are_gathered_up_to_a_limit, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_request_from_the_cache_is_like_new, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_large_answer_does_not_stay_in_the_cache, setup,
						teardown),
		cmocka_unit_test_setup_teardown(more_requests_than_the_cache_holds_are_freed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(levels_and_reasons_have_the_words_of_the_headers,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
