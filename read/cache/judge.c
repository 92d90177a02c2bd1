/* SPDX-License-Identifier: Apache-2.0 */
/* Positions first: an answer that is wrong is so however young it is. */
#include "read/cache/judge.h"

#include "base/control.h"

#include <assert.h>

/*
 * All that was acknowledged to this user through this instance has touched its tags' stripes, or
 * lies below base, so that it is seen by an answer that was not touched. What others wrote is known
 * as far as the feed, where all who write are in it.
 */
static bool judge_is_seen(const struct cache_facts *facts, const struct cache_view *view)
{
	if (facts->lower >= view->required || !CONTROL_CACHE_REQUIRED)
		return true;
	if (view->counted && view->known >= view->required)
		return true;
	return !view->indexed && facts->lower >= view->token;
}

static bool judge_is_kept_from(const struct cache_view *view)
{
	return CONTROL_CACHE_DOUBT && view->in_doubt;
}

static bool judge_is_touched(const struct cache_facts *facts, const struct cache_view *view)
{
	return CONTROL_CACHE_FENCE && facts->seen < view->touched;
}

/* An older copy of the primary goes on under the same timeline. */
static bool judge_is_of_this_log(const struct cache_facts *facts, const struct cache_view *view)
{
	return view->timeline && facts->timeline == view->timeline && facts->life == view->life;
}

bool cache_may_keep(const struct cache_facts *facts, const struct cache_view *view)
{
	return facts->lower && judge_is_of_this_log(facts, view) && !judge_is_kept_from(view) &&
	       !judge_is_touched(facts, view);
}

static bool judge_lags(const struct cache_facts *facts, const struct cache_view *view)
{
	return view->lag_us_max >= 0 &&
	       (facts->true_us == INT64_MIN || view->now_us - facts->true_us > view->lag_us_max);
}

static enum cache_verdict judge_time(const struct cache_facts *facts, const struct cache_view *view)
{
	int64_t age_us = view->now_us - facts->made_us;

	if (age_us < view->fresh_us)
		return CACHE_HIT;
	return age_us - view->fresh_us < view->stale_us ? CACHE_STALE : CACHE_EXPIRED;
}

enum cache_verdict cache_judge(const struct cache_facts *facts, const struct cache_view *view)
{
	if (!judge_is_of_this_log(facts, view) || facts->version != view->version)
		return CACHE_OTHER;
	if (judge_is_kept_from(view))
		return CACHE_DOUBT;
	if (judge_is_touched(facts, view))
		return CACHE_TOUCHED;
	if (!judge_is_seen(facts, view))
		return CACHE_BEHIND;
	if (judge_lags(facts, view))
		return CACHE_LAGS;
	if (CONTROL_CACHE_ASKED && facts->made_us < view->oldest_us)
		return CACHE_OLD;
	return judge_time(facts, view);
}

const char *cache_verdict_name(enum cache_verdict verdict)
{
	static const char *const names[] = {
		[CACHE_HIT] = "hit",       [CACHE_STALE] = "stale",    [CACHE_EXPIRED] = "expired",
		[CACHE_OTHER] = "emptied", [CACHE_DOUBT] = "in-doubt", [CACHE_TOUCHED] = "touched",
		[CACHE_BEHIND] = "behind", [CACHE_LAGS] = "lags",      [CACHE_OLD] = "old",
	};

	return names[verdict];
}
