/* SPDX-License-Identifier: Apache-2.0 */
/* One lock, held for a few instructions. */
#include "write/jobs/job_health.h"

#include "base/clock.h"

#include <assert.h>

#define HEALTH_MASK ((1u << JOB_HEALTH_ATTEMPTS) - 1)
/* One that went well pays for another one. */
#define HEALTH_EARNED_BY_RETRY (100 / JOB_RETRY_PERCENT)
#define HEALTH_WAIT_US (WINDOW_S * US_PER_S / JOB_RETRY_RESERVE)

#define TO(state) (1u << JOB_BREAKER_##state)
static const unsigned breaker_next[JOB_BREAKERS] = {
	[JOB_BREAKER_CLOSED] = TO(TELLING) | TO(OPEN),
	[JOB_BREAKER_TELLING] = TO(OPEN) | TO(CLOSED),
	[JOB_BREAKER_OPEN] = TO(TRIAL) | TO(CLOSED),
	[JOB_BREAKER_TRIAL] = TO(TRYING) | TO(CLOSED),
	[JOB_BREAKER_TRYING] = TO(TRIAL) | TO(OPEN) | TO(FAILED) | TO(CLOSING),
	[JOB_BREAKER_FAILED] = TO(OPEN) | TO(CLOSED),
	[JOB_BREAKER_CLOSING] = TO(CLOSED),
};

void job_health_init(struct job_health *health)
{
	*health = (struct job_health){
		.retries = { .percent = JOB_RETRY_PERCENT, .reserve = JOB_RETRY_RESERVE },
	};
	pthread_mutex_init(&health->lock, NULL);
}

void job_health_fini(struct job_health *health)
{
	pthread_mutex_destroy(&health->lock);
}

/* Under the lock. What was seen before counts no more. */
static bool health_move(struct job_health *health, enum job_breaker from, enum job_breaker to)
{
	if (health->breaker != from)
		return false;
	assert(breaker_next[from] & (1u << to));
	health->breaker = to;
	if (to == JOB_BREAKER_CLOSED)
		health->failed = health->attempts = 0;
	return true;
}

static bool health_failed(enum job_fault fault)
{
	switch (fault) {
	case JOB_FAULT_PASSING:
	case JOB_FAULT_LOST:
		return true;
	case JOB_FAULT_NONE:
	case JOB_FAULT_DATA:
	case JOB_FAULT_DEPLOYMENT:
		return false;
	}
	assert(!"a fault");
	return false;
}

/* Under the lock. True: more than half of enough of them. */
static bool health_count(struct job_health *health, enum job_fault fault)
{
	bool failed = health_failed(fault);

	if (!failed && fault != JOB_FAULT_NONE)
		return false;
	health->failed = (health->failed << 1 | failed) & HEALTH_MASK;
	if (health->attempts < JOB_HEALTH_ATTEMPTS)
		health->attempts++;
	return failed && health->attempts == JOB_HEALTH_ATTEMPTS &&
	       2 * (unsigned)__builtin_popcount(health->failed) > JOB_HEALTH_ATTEMPTS;
}

static unsigned health_earned(enum job_fault fault, enum job_attempt attempt)
{
	if (attempt == JOB_ATTEMPT_FIRST)
		return 1;
	return fault == JOB_FAULT_NONE ? HEALTH_EARNED_BY_RETRY : 0;
}

void job_health_note(struct job_health *health, enum job_fault fault, enum job_attempt attempt,
		     int64_t now_us)
{
	unsigned earned = health_earned(fault, attempt);

	pthread_mutex_lock(&health->lock);
	if (attempt == JOB_ATTEMPT_RETRY)
		budget_spend(&health->retries, now_us);
	while (earned--)
		budget_earn(&health->retries, now_us);
	if (health_count(health, fault))
		health_move(health, JOB_BREAKER_CLOSED, JOB_BREAKER_TELLING);
	pthread_mutex_unlock(&health->lock);
}

void job_health_begin_retry(struct job_health *health, int64_t now_us)
{
	pthread_mutex_lock(&health->lock);
	budget_spend(&health->retries, now_us);
	pthread_mutex_unlock(&health->lock);
}

enum job_breaker job_health_breaker(struct job_health *health)
{
	enum job_breaker breaker;

	pthread_mutex_lock(&health->lock);
	breaker = health->breaker;
	pthread_mutex_unlock(&health->lock);
	return breaker;
}

bool job_health_move(struct job_health *health, enum job_breaker from, enum job_breaker to)
{
	bool moved;

	pthread_mutex_lock(&health->lock);
	moved = health_move(health, from, to);
	if (moved && to == JOB_BREAKER_TRIAL)
		health->trial = health->parts = 0;
	pthread_mutex_unlock(&health->lock);
	return moved;
}

bool job_health_take_trial(struct job_health *health, unsigned *kind)
{
	bool taken;

	pthread_mutex_lock(&health->lock);
	taken = health_move(health, JOB_BREAKER_TRIAL, JOB_BREAKER_TRYING);
	*kind = health->trial;
	pthread_mutex_unlock(&health->lock);
	return taken;
}

void job_health_pass_trial(struct job_health *health, unsigned kind, unsigned kinds)
{
	bool moved;

	pthread_mutex_lock(&health->lock);
	health->trial = kind;
	moved = health_move(health, JOB_BREAKER_TRYING,
			    kind < kinds ? JOB_BREAKER_TRIAL : JOB_BREAKER_OPEN);
	assert(moved);
	pthread_mutex_unlock(&health->lock);
}

bool job_health_pass_part(struct job_health *health)
{
	bool goes_on;

	pthread_mutex_lock(&health->lock);
	goes_on = ++health->parts < JOB_TRIAL_PARTS;
	pthread_mutex_unlock(&health->lock);
	return goes_on;
}

/* Under the lock. One after another, as the reserve lets them; where they are too many, some time
 * in the second half of the longest wait. */
static int64_t health_wait_us(struct job_health *health, struct random *random, int64_t now_us)
{
	if (health->waits_us < now_us + US_PER_S)
		health->waits_us = now_us + US_PER_S;
	health->waits_us += HEALTH_WAIT_US;
	if (health->waits_us <= now_us + JOB_RETRY_WAIT_US)
		return health->waits_us - now_us;
	health->waits_us = now_us + JOB_RETRY_WAIT_US;
	return JOB_RETRY_WAIT_US - (int64_t)random_below(random, JOB_RETRY_WAIT_US / 2);
}

int64_t job_health_retry_us(struct job_health *health, struct random *random, int64_t now_us)
{
	int64_t wait_us = 0;

	pthread_mutex_lock(&health->lock);
	if (budget_has(&health->retries, health->retrying, now_us))
		health->retrying++;
	else
		wait_us = health_wait_us(health, random, now_us);
	pthread_mutex_unlock(&health->lock);
	return wait_us;
}

void job_health_retried(struct job_health *health)
{
	pthread_mutex_lock(&health->lock);
	assert(health->retrying > 0);
	health->retrying--;
	pthread_mutex_unlock(&health->lock);
}
