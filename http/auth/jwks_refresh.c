/* SPDX-License-Identifier: Apache-2.0 */
/* One timer. A set that is the same as before is not published: what was verified stays so. */
#include "http/auth/jwks_refresh.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "http/head/head.h"

#include <stdlib.h>
#include <string.h>

int64_t jwks_max_age_s(struct text cache_control)
{
	static const char name[] = "max-age=";
	const size_t len = sizeof(name) - 1;
	int64_t age_s = -1;
	struct text word;

	while (text_next(&cache_control, ',', &word)) {
		if (text_is_caseless(word, "no-store") || text_is_caseless(word, "no-cache"))
			return 0;
		if (word.len < len || strncasecmp(word.ptr, name, len) != 0)
			continue;
		age_s = 0;
		for (size_t i = len; i < word.len && byte_is_digit(word.ptr[i]); i++)
			age_s = age_s > JWKS_FRESH_S_MAX ? age_s : age_s * 10 + word.ptr[i] - '0';
	}
	return age_s;
}

static void jwks_refresh_set(struct jwks_refresh *refresh, int64_t pause_us)
{
	loop_timer_set(refresh->loop, &refresh->timer, refresh->begun_us + pause_us);
}

static int64_t jwks_fresh_us(int64_t max_age_s)
{
	if (max_age_s < 0)
		max_age_s = JWKS_FRESH_S_DEFAULT;
	if (max_age_s < JWKS_FRESH_S_MIN)
		max_age_s = JWKS_FRESH_S_MIN;
	if (max_age_s > JWKS_FRESH_S_MAX)
		max_age_s = JWKS_FRESH_S_MAX;
	return max_age_s * US_PER_S;
}

static void jwks_refresh_publish(struct jwks_refresh *refresh)
{
	struct jwk_set *published = refresh->next;

	if (refresh->published && memcmp(refresh->set, refresh->next, sizeof(*refresh->set)) == 0)
		return;
	refresh->next = refresh->set;
	refresh->set = published;
	refresh->published = true;
	snapshot_publish(refresh->settings.keys, published);
	log_info("jwt", "%u keys of --jwt-keys", published->count);
}

static void jwks_refresh_good(struct jwks_refresh *refresh, const struct buf *left_out)
{
	struct metrics *metrics = refresh->settings.metrics;

	if (left_out->len)
		log_debug("jwt", "keys left out: %.*s", (int)left_out->len, left_out->ptr);
	if (refresh->failures)
		log_info("jwt", "--jwt-keys was fetched again after %u failures",
			 refresh->failures);
	refresh->failures = 0;
	refresh->good_us = refresh->begun_us;
	metric_add(metrics, METRIC_jwt_keys_fetched_total, METRIC_LABELS("good"), 1);
	metric_set(metrics, METRIC_jwt_keys_stale, NULL, 0);
	metric_set(metrics, METRIC_jwt_keys_timestamp_seconds, NULL,
		   (double)(refresh->settings.wall_us() / US_PER_S));
	jwks_refresh_publish(refresh);
	jwks_refresh_set(refresh, jwks_fresh_us(refresh->answer.max_age_s));
}

/* The alarm: each time a line, and a gauge until it is over. */
static void jwks_refresh_failed(struct jwks_refresh *refresh)
{
	struct metrics *metrics = refresh->settings.metrics;
	int64_t age_us = refresh->begun_us - refresh->good_us;

	metric_add(metrics, METRIC_jwt_keys_fetched_total, METRIC_LABELS("failed"), 1);
	metric_set(metrics, METRIC_jwt_keys_stale, NULL, 1);
	if (refresh->published)
		log_line(age_us > JWKS_FRESH_S_MAX * US_PER_S ? LOG_ERROR : LOG_WARN, "jwt", NULL,
			 "--jwt-keys cannot be fetched: %s; the keys of %lld s ago stay in use",
			 refresh->answer.error, (long long)(age_us / US_PER_S));
	else
		log_error("jwt", "--jwt-keys cannot be fetched: %s; no JWT can be verified",
			  refresh->answer.error);
	jwks_refresh_set(refresh, random_backoff_us(&refresh->random, refresh->failures++,
						    JWKS_RETRY_US, JWKS_RETRY_US_MAX));
}

static void jwks_refresh_on_due(struct loop_timer *timer)
{
	struct jwks_refresh *refresh = container_of(timer, struct jwks_refresh, timer);
	struct jwks_answer *answer = &refresh->answer;
	struct buf left_out;
	bool good;

	refresh->begun_us = loop_now(refresh->loop);
	answer->max_age_s = -1;
	answer->error[0] = '\0';
	buf_clear(&answer->body);
	good = refresh->settings.fetch(refresh->settings.arg, answer);
	if (!good && !answer->error[0])
		return; /* given up */
	buf_init(&left_out);
	if (good && jwk_set_read((struct text){ answer->body.ptr, answer->body.len }, refresh->next,
				 &left_out, answer->error, sizeof(answer->error)))
		jwks_refresh_good(refresh, &left_out);
	else
		jwks_refresh_failed(refresh);
	buf_fini(&left_out);
}

void jwks_refresh_init(struct jwks_refresh *refresh, struct loop *loop,
		       const struct jwks_refresh_settings *settings)
{
	uint64_t seed;

	random_bytes(&seed, sizeof(seed));
	*refresh = (struct jwks_refresh){ .settings = *settings, .loop = loop };
	refresh->set = calloc(2, sizeof(*refresh->set));
	if (!refresh->set)
		log_fatal("jwt", "out of memory");
	refresh->next = refresh->set + 1;
	random_init(&refresh->random, seed);
	buf_init(&refresh->answer.body);
	refresh->timer.on_due = jwks_refresh_on_due;
	loop_timer_set(loop, &refresh->timer, loop_now(loop));
}

void jwks_refresh_fini(struct jwks_refresh *refresh)
{
	loop_timer_cancel(refresh->loop, &refresh->timer);
	buf_fini(&refresh->answer.body);
	free(refresh->set < refresh->next ? refresh->set : refresh->next);
}

void jwks_refresh_want(struct jwks_refresh *refresh)
{
	int64_t due_us = refresh->begun_us + JWKS_WANTED_US;

	if (due_us < loop_now(refresh->loop))
		due_us = loop_now(refresh->loop);
	if (due_us < refresh->timer.due_us)
		loop_timer_set(refresh->loop, &refresh->timer, due_us);
}

void jwks_refresh_now(struct jwks_refresh *refresh)
{
	loop_timer_set(refresh->loop, &refresh->timer, loop_now(refresh->loop));
}
