/* SPDX-License-Identifier: Apache-2.0 */
/* Which kept answers may be given, and which answers may be kept: by positions. */
#include "read/cache/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* An answer of a replica that had replayed 500, and a request that requires nothing. */
static const struct cache_facts answer = {
	.lower = 500,
	.upper = 510,
	.seen = 500,
	.timeline = 3,
	.version = 7,
	.made_us = 90,
	.true_us = 85,
};

static const struct cache_view view = {
	.now_us = 100,
	.fresh_us = 60,
	.timeline = 3,
	.version = 7,
	.touched = 400,
	.lag_us_max = -1,
};

struct judged {
	const char *what;
	struct cache_view view;
	enum cache_verdict verdict;
};

#define WITH(...)                                                                                  \
	{                                                                                          \
		.now_us = 100, .fresh_us = 60, .timeline = 3, .version = 7, .touched = 400,        \
		.lag_us_max = -1, __VA_ARGS__                                                      \
	}

#pragma GCC diagnostic ignored "-Woverride-init"
#ifdef __clang__
#pragma clang diagnostic ignored "-Winitializer-overrides"
#endif
static const struct judged table[] = {
	{ "nothing speaks against it", WITH(.required = 0), CACHE_HIT },
	{ "it shows what is required", WITH(.required = 500, .token = 500), CACHE_HIT },
	{ "the user's own write has not touched it", WITH(.required = 900), CACHE_HIT },
	{ "a token is beyond it", WITH(.required = 900, .token = 501), CACHE_BEHIND },
	{ "the token is not, the user's write has not touched it",
	  WITH(.required = 900, .token = 500), CACHE_HIT },
	{ "the index is beyond it", WITH(.required = 501, .indexed = true), CACHE_BEHIND },
	{ "the feed is known to the index",
	  WITH(.required = 900, .indexed = true, .counted = true, .known = 900), CACHE_HIT },
	{ "the feed is known to the token",
	  WITH(.required = 900, .token = 900, .counted = true, .known = 900), CACHE_HIT },
	{ "the feed is behind the token",
	  WITH(.required = 900, .token = 900, .counted = true, .known = 899), CACHE_BEHIND },
	{ "what others write is not in the feed", WITH(.required = 900, .token = 900, .known = 900),
	  CACHE_BEHIND },
	{ "touched where it has seen it", WITH(.touched = 500), CACHE_HIT },
	{ "touched behind it", WITH(.touched = 501), CACHE_TOUCHED },
	{ "a command is on its way", WITH(.in_doubt = true), CACHE_DOUBT },
	{ "nothing is known", WITH(.timeline = 0), CACHE_OTHER },
	{ "another timeline", WITH(.timeline = 4), CACHE_OTHER },
	{ "another life of the log", WITH(.life = 6), CACHE_OTHER },
	{ "it reads other relations now", WITH(.version = 8), CACHE_OTHER },
	{ "its time is nearly over", WITH(.now_us = 149), CACHE_HIT },
	{ "its time is over", WITH(.now_us = 150), CACHE_EXPIRED },
	{ "its time is over, within swr", WITH(.now_us = 159, .stale_us = 10), CACHE_STALE },
	{ "behind swr", WITH(.now_us = 160, .stale_us = 10), CACHE_EXPIRED },
	{ "as old as it may be", WITH(.lag_us_max = 15), CACHE_HIT },
	{ "older than it may be", WITH(.lag_us_max = 14), CACHE_LAGS },
	{ "made when it was asked for", WITH(.oldest_us = 90), CACHE_HIT },
	{ "made before", WITH(.oldest_us = 91), CACHE_OLD },
	{ "made before, and touched", WITH(.oldest_us = 91, .touched = 501), CACHE_TOUCHED },
	{ "touched, within swr", WITH(.now_us = 155, .stale_us = 10, .touched = 501),
	  CACHE_TOUCHED },
};

static void kept_answers_are_judged_by_positions(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (cache_judge(&answer, &table[i].view) != table[i].verdict)
			fail_msg("%s: %s instead of %s", table[i].what,
				 cache_verdict_name(cache_judge(&answer, &table[i].view)),
				 cache_verdict_name(table[i].verdict));
}

/* Of the primary, whose first probe was 501: a command of ours at 501 had ended before. */
static void what_the_primary_shows_is_at_its_probe_but_proves_less(void **state)
{
	struct cache_facts facts = answer;
	struct cache_view asked = view;

	(void)state;
	facts.lower = 500;
	facts.seen = 501;
	asked.touched = 501;
	assert_int_equal(cache_judge(&facts, &asked), CACHE_HIT);
	asked.required = asked.token = 501;
	assert_int_equal(cache_judge(&facts, &asked), CACHE_BEHIND);
}

static void an_age_that_is_not_known_is_too_old(void **state)
{
	struct cache_facts facts = answer;
	struct cache_view asked = view;

	(void)state;
	facts.true_us = INT64_MIN;
	assert_int_equal(cache_judge(&facts, &asked), CACHE_HIT);
	asked.lag_us_max = INT64_MAX;
	assert_int_equal(cache_judge(&facts, &asked), CACHE_LAGS);
}

static void what_was_touched_or_is_in_doubt_is_not_kept(void **state)
{
	struct cache_facts facts = answer;
	struct cache_view asked = view;

	(void)state;
	assert_true(cache_may_keep(&facts, &asked));
	asked.touched = 501;
	assert_false(cache_may_keep(&facts, &asked));
	asked.touched = 500;
	assert_true(cache_may_keep(&facts, &asked));
	asked.in_doubt = true;
	assert_false(cache_may_keep(&facts, &asked));
	asked.in_doubt = false;
	asked.timeline = 0;
	assert_false(cache_may_keep(&facts, &asked));
	facts.timeline = 0;
	assert_false(cache_may_keep(&facts, &asked));
	facts = answer;
	facts.life = 6;
	assert_false(cache_may_keep(&facts, &view));
	facts = answer;
	facts.lower = 0;
	assert_false(cache_may_keep(&facts, &view));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept_answers_are_judged_by_positions),
		cmocka_unit_test(what_the_primary_shows_is_at_its_probe_but_proves_less),
		cmocka_unit_test(an_age_that_is_not_known_is_too_old),
		cmocka_unit_test(what_was_touched_or_is_in_doubt_is_not_kept),
	};

	return cmocka_run_group_tests_name("test_cache_judge", tests, NULL, NULL);
}
