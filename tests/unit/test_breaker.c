/* SPDX-License-Identifier: Apache-2.0 */
/* The breaker by a clock of the test: a row is a story, a step of it a moment and an event. */
#include "router/health/breaker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum event { END, GOOD, BAD, LOOK, ANSWERED, UNANSWERED, RETURNED, CHANGED };

struct a_step {
	enum event event;
	int after_ms;   /* the step before, and between its repetitions */
	unsigned times; /* 0: once */
	enum breaker_state then;
	int wait_ms;    /* of breaker_wait_us; -1: more than 0 */
	unsigned share; /* of breaker_share_percent; 0: not looked at */
};

struct a_story {
	const char *name;
	struct a_step steps[12];
};

/* clang-format off */
static const struct a_story stories[] = {
	{ "four failures in a row are not enough", {
		{ BAD, 1, 4, BREAKER_CLOSED, 0, 100 } } },
	{ "the fifth opens it for a second", {
		{ BAD, 1, 5, BREAKER_OPEN, 1000, 0 } } },
	{ "an answer in between begins a new row", {
		{ BAD, 1, 4, BREAKER_CLOSED, 0, 0 },
		{ GOOD, 1, 0, BREAKER_CLOSED, 0, 0 },
		{ BAD, 1, 4, BREAKER_CLOSED, 0, 100 } } },
	{ "all that is lost in one turn is one failure", {
		{ BAD, 0, 64, BREAKER_CLOSED, 0, 100 },
		{ BAD, 1, 3, BREAKER_CLOSED, 0, 100 } } },
	{ "half of twenty opens it", {
		{ GOOD, 100, 10, BREAKER_CLOSED, 0, 0 },
		{ BAD, 1, 4, BREAKER_CLOSED, 0, 0 },
		{ GOOD, 1, 0, BREAKER_CLOSED, 0, 0 },
		{ BAD, 1, 4, BREAKER_CLOSED, 0, 0 },
		{ GOOD, 1, 0, BREAKER_CLOSED, 0, 0 },
		{ BAD, 1, 3, BREAKER_CLOSED, 0, 0 },
		{ BAD, 1, 0, BREAKER_OPEN, 1000, 0 } } },
	{ "half of fewer does not", {
		{ GOOD, 100, 7, BREAKER_CLOSED, 0, 0 },
		{ BAD, 1, 4, BREAKER_CLOSED, 0, 0 },
		{ GOOD, 1, 0, BREAKER_CLOSED, 0, 0 },
		{ BAD, 1, 4, BREAKER_CLOSED, 0, 0 } } },
	{ "what was ten seconds ago is forgotten", {
		{ BAD, 1, 4, BREAKER_CLOSED, 0, 0 },
		{ GOOD, 1, 0, BREAKER_CLOSED, 0, 0 },
		{ BAD, 1, 4, BREAKER_CLOSED, 0, 0 },
		{ GOOD, 11000, 0, BREAKER_CLOSED, 0, 0 },
		{ GOOD, 1, 9, BREAKER_CLOSED, 0, 0 },
		{ BAD, 1, 4, BREAKER_CLOSED, 0, 100 } } },
	{ "nothing but the end of its pause half opens it", {
		{ BAD, 1, 5, BREAKER_OPEN, 1000, 0 },
		{ GOOD, 1, 9, BREAKER_OPEN, 991, 0 },
		{ LOOK, 990, 0, BREAKER_OPEN, 1, 0 },
		{ LOOK, 1, 0, BREAKER_HALF_OPEN, -1, 0 },
		{ BAD, 1, 9, BREAKER_HALF_OPEN, -1, 0 },
		{ GOOD, 1, 9, BREAKER_HALF_OPEN, -1, 0 } } },
	{ "its probe closes it, and its share grows", {
		{ BAD, 1, 5, BREAKER_OPEN, 1000, 0 },
		{ LOOK, 1000, 0, BREAKER_HALF_OPEN, -1, 0 },
		{ ANSWERED, 1, 0, BREAKER_CLOSED, 0, 10 },
		{ GOOD, 1000, 0, BREAKER_CLOSED, 0, 55 },
		{ GOOD, 1000, 0, BREAKER_CLOSED, 0, 100 } } },
	{ "a probe without an answer doubles the pause", {
		{ BAD, 1, 5, BREAKER_OPEN, 1000, 0 },
		{ LOOK, 1000, 0, BREAKER_HALF_OPEN, -1, 0 },
		{ UNANSWERED, 1, 0, BREAKER_OPEN, 2000, 0 },
		{ LOOK, 2000, 0, BREAKER_HALF_OPEN, -1, 0 },
		{ UNANSWERED, 1, 0, BREAKER_OPEN, 4000, 0 },
		{ LOOK, 4000, 0, BREAKER_HALF_OPEN, -1, 0 },
		{ UNANSWERED, 1, 0, BREAKER_OPEN, 8000, 0 },
		{ LOOK, 8000, 0, BREAKER_HALF_OPEN, -1, 0 },
		{ UNANSWERED, 1, 0, BREAKER_OPEN, 16000, 0 },
		{ LOOK, 16000, 0, BREAKER_HALF_OPEN, -1, 0 },
		{ UNANSWERED, 1, 0, BREAKER_OPEN, 30000, 0 } } },
	{ "so does opening again soon", {
		{ BAD, 1, 5, BREAKER_OPEN, 1000, 0 },
		{ LOOK, 1000, 0, BREAKER_HALF_OPEN, -1, 0 },
		{ ANSWERED, 1, 0, BREAKER_CLOSED, 0, 0 },
		{ BAD, 100, 5, BREAKER_OPEN, 2000, 0 } } },
	{ "after ten seconds of peace the pause is short again", {
		{ BAD, 1, 5, BREAKER_OPEN, 1000, 0 },
		{ LOOK, 1000, 0, BREAKER_HALF_OPEN, -1, 0 },
		{ ANSWERED, 1, 0, BREAKER_CLOSED, 0, 0 },
		{ BAD, 10000, 0, BREAKER_CLOSED, 0, 0 },
		{ BAD, 1, 4, BREAKER_OPEN, 1000, 0 } } },
	{ "the monitor sees it return: closed, slowly", {
		{ BAD, 1, 5, BREAKER_OPEN, 1000, 0 },
		{ RETURNED, 10, 0, BREAKER_CLOSED, 0, 10 },
		{ BAD, 100, 5, BREAKER_OPEN, 2000, 0 } } },
	{ "another role, or another life: nothing is remembered", {
		{ BAD, 1, 5, BREAKER_OPEN, 1000, 0 },
		{ CHANGED, 10, 0, BREAKER_CLOSED, 0, 100 },
		{ BAD, 100, 5, BREAKER_OPEN, 1000, 0 } } },
};
/* clang-format on */

static void happen(struct breaker *breaker, enum event event, int64_t now_us)
{
	switch (event) {
	case GOOD:
		breaker_good(breaker, now_us);
		return;
	case BAD:
		(void)!breaker_bad(breaker, now_us, "it failed");
		return;
	case LOOK:
		(void)!breaker_half_opens(breaker, now_us);
		return;
	case ANSWERED:
	case UNANSWERED:
		breaker_proven(breaker, now_us, event == ANSWERED);
		return;
	case RETURNED:
	case CHANGED:
		breaker_reset(breaker, now_us, event == RETURNED);
		return;
	case END:
		break;
	}
	fail();
}

static bool as_told(const struct breaker *breaker, const struct a_step *step, int64_t now_us)
{
	int64_t wait_us = breaker_wait_us(breaker, now_us);

	if (breaker->state != step->then)
		return false;
	if (step->wait_ms < 0 ? wait_us <= 0 : wait_us != step->wait_ms * US_PER_MS)
		return false;
	return !step->share || breaker_share_percent(breaker, now_us) == step->share;
}

static void the_stories(void **state)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		struct breaker breaker = { 0 };
		int64_t now_us = 1000 * US_PER_S;

		for (unsigned at = 0; at < 12 && stories[i].steps[at].event != END; at++) {
			const struct a_step *step = &stories[i].steps[at];

			for (unsigned n = 0; n < (step->times ? step->times : 1); n++) {
				now_us += step->after_ms * US_PER_MS;
				happen(&breaker, step->event, now_us);
			}
			if (as_told(&breaker, step, now_us))
				continue;
			print_error("%s, step %u: %s, wait %d ms, share %u\n", stories[i].name, at,
				    breaker_state_text(breaker.state),
				    (int)(breaker_wait_us(&breaker, now_us) / US_PER_MS),
				    breaker_share_percent(&breaker, now_us));
			wrong++;
			break;
		}
	}
	assert_int_equal(wrong, 0);
}

static void the_reason_is_of_the_failure_that_opened_it(void **state)
{
	struct breaker breaker = { 0 };

	for (int i = 1; i < 5; i++)
		assert_false(breaker_bad(&breaker, i, "first"));
	assert_true(breaker_bad(&breaker, 5, "last"));
	assert_false(breaker_bad(&breaker, 6, "later"));
	assert_string_equal(breaker.reason, "last");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_stories),
		cmocka_unit_test(the_reason_is_of_the_failure_that_opened_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
