/* SPDX-License-Identifier: Apache-2.0 */
/* A key of a bucket is a hash of the policy and of whom it counts. */
#include "router/ratelimit.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/nearest.h"
#include "base/random.h"
#include "base/repeats.h"
#include "router/task.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_US 1000
#define NS_PER_S INT64_C(1000000000)
#define RATELIMIT_NO_USER 1 /* mixed into a key, which no name of a user is */

struct ratelimit {
	struct gcra_table *table;
	uint64_t seed; /* of the hashes: no client can make two keys meet */
};

struct ratelimit *ratelimit_new(size_t slots)
{
	struct ratelimit *ratelimit = calloc(1, sizeof(*ratelimit));

	if (!ratelimit)
		log_fatal("ratelimit", "out of memory");
	ratelimit->table = gcra_table_new(slots);
	random_bytes(&ratelimit->seed, sizeof(ratelimit->seed));
	return ratelimit;
}

void ratelimit_free(struct ratelimit *ratelimit)
{
	gcra_table_free(ratelimit->table);
	free(ratelimit);
}

/* A policy that a request is under. */
struct use {
	const struct rate_policy *policy;
	uint64_t key;
	int64_t cost_ns;
	struct gcra_answer answer;
};

/* Into the hash of a policy for users; who sends no user is one user of the caller. */
static uint64_t ratelimit_user(const struct request *request, uint64_t key)
{
	if (request->user_key.ptr)
		return hash_bytes(request->user_key.ptr, request->user_key.len, key);
	return hash_bytes(request->caller.ptr, request->caller.len,
			  hash_mix(key, RATELIMIT_NO_USER));
}

/* Who is counted by a policy, into the hash; false: it does not count this request. */
static bool ratelimit_key(const struct ratelimit *ratelimit, const struct rate_policy *policy,
			  const struct request *request, uint64_t *key)
{
	*key = hash_mix(ratelimit->seed, policy->hash);
	if (policy->per_caller)
		*key = hash_bytes(request->caller.ptr, request->caller.len, *key);
	if (policy->per_user)
		*key = ratelimit_user(request, *key);
	return !policy->per_caller || request->caller.ptr;
}

static unsigned ratelimit_uses(const struct task *task, struct use uses[RATE_POLICIES_MAX])
{
	const struct rate_policies *policies = &task->router->shared.options->rate_limits;
	const struct operation *operation = task->operation;
	unsigned cost = operation ? operation->cost : 1, count = 0;

	for (size_t i = 0; i < policies->count; i++) {
		const struct rate_policy *policy = &policies->items[i];
		struct use *use = &uses[count];

		if (policy->operation &&
		    (!operation || strcmp(policy->operation, operation->name) != 0))
			continue;
		if (!ratelimit_key(task->router->shared.ratelimit, policy, task->request,
				   &use->key))
			continue;
		use->policy = policy;
		use->cost_ns = (int64_t)cost <= policy->burst ? (int64_t)cost * policy->rate.unit_ns
							      : INT64_MAX;
		count++;
	}
	return count;
}

/* What the headers of the reply say of it. */
static void ratelimit_tell(struct request *request, const struct use *uses, unsigned count,
			   int64_t now_ns)
{
	struct rate_state *states = arena_zero(&request->arena, count, sizeof(*states));

	for (unsigned i = 0; i < count; i++) {
		struct rate_state *state = &states[request->rates_count];
		int64_t next_ns;

		if (uses[i].answer.verdict == GCRA_UNKNOWN)
			continue;
		state->policy = uses[i].policy;
		state->left =
			gcra_left(state->policy->rate, uses[i].answer.tat_ns, now_ns, &next_ns);
		state->next_s = (next_ns + NS_PER_S - 1) / NS_PER_S;
		request->rates_count++;
	}
	request->rates = states;
}

/* Who was refused is not told. */
static void ratelimit_log(struct router *router, const struct request *request,
			  const struct rate_policy *policy)
{
	uint64_t key = hash_bytes(policy->name, strlen(policy->name), 0);
	char again[REPEATS_TEXT_BYTES];

	if (!repeats_allow(REPEATS_LIMITED, key, loop_now(router->loop), again))
		return;
	log_with(LOG_WARN, "router",
		 LOG_FIELDS({ "request_id", request->id }, { "operation", request->operation_name },
			    { "policy", policy->name }),
		 "requests are refused by the rate limit \"%s\"%s", policy->text, again);
}

static enum step ratelimit_refuse(struct task *task, const struct use *use, int64_t now_ns)
{
	struct request *request = task->request;
	const struct rate_policy *policy = use->policy;
	int64_t wait_ns =
		gcra_wait_ns(use->answer.tat_ns, now_ns, use->cost_ns, policy->rate.burst_ns);

	request->retry_after_us = (wait_ns + NS_PER_US - 1) / NS_PER_US;
	metric_add(task->router->metrics, METRIC_ratelimited_total, METRIC_LABELS(policy->name), 1);
	ratelimit_log(task->router, request, policy);
	return request_fail(request, OUTCOME_RATE_LIMITED, "the rate limit \"%s\" is reached",
			    policy->name);
}

static enum step ratelimit_never(struct task *task, const struct rate_policy *policy)
{
	return request_fail(task->request, OUTCOME_BAD_REQUEST,
			    "%s costs %u, more than the burst of %lld of the rate limit \"%s\": it "
			    "can never pass",
			    task->operation->name, task->operation->cost, (long long)policy->burst,
			    policy->name);
}

/* Of those that deny it, the one that does so longest; NULL: none does. */
static const struct use *ratelimit_longest_denial(const struct ratelimit *ratelimit,
						  struct use *uses, unsigned count, int64_t now_ns)
{
	const struct use *longest = NULL;
	int64_t longest_ns = 0;

	for (unsigned i = 0; i < count; i++) {
		struct use *use = &uses[i];
		int64_t wait_ns;

		use->answer = gcra_peek(ratelimit->table, use->key, now_ns, use->cost_ns,
					use->policy->rate.burst_ns);
		wait_ns = gcra_wait_ns(use->answer.tat_ns, now_ns, use->cost_ns,
				       use->policy->rate.burst_ns);
		if (use->answer.verdict != GCRA_DENIED || wait_ns < longest_ns)
			continue;
		longest = use;
		longest_ns = wait_ns;
	}
	return longest;
}

static const struct use *ratelimit_take(struct router *router, struct use *uses, unsigned count,
					int64_t now_ns)
{
	for (unsigned i = 0; i < count; i++) {
		struct use *use = &uses[i];

		use->answer = gcra_take(router->shared.ratelimit->table, use->key, now_ns,
					use->cost_ns, use->policy->rate.burst_ns);
		if (use->answer.verdict == GCRA_DENIED)
			return use;
		if (use->answer.verdict == GCRA_UNKNOWN)
			metric_add(router->metrics, METRIC_ratelimit_unknown_total,
				   METRIC_LABELS(use->policy->name), 1);
	}
	return NULL;
}

enum step ratelimit_admit(struct task *task)
{
	struct router *router = task->router;
	struct use uses[RATE_POLICIES_MAX];
	const struct use *denied = NULL;
	int64_t now_ns = loop_now(router->loop) * NS_PER_US;
	unsigned count;

	if (!router->shared.options->rate_limits.count || !router->shared.ratelimit)
		return STEP_NEXT;
	count = ratelimit_uses(task, uses);
	if (count == 0)
		return STEP_NEXT;
	for (unsigned i = 0; i < count; i++)
		if (uses[i].cost_ns == INT64_MAX)
			return ratelimit_never(task, uses[i].policy);
	if (count > 1)
		denied = ratelimit_longest_denial(router->shared.ratelimit, uses, count, now_ns);
	if (!denied)
		denied = ratelimit_take(router, uses, count, now_ns);
	if (router->shared.options->rate_limit_headers)
		ratelimit_tell(task->request, uses, count, now_ns);
	return denied ? ratelimit_refuse(task, denied, now_ns) : STEP_NEXT;
}

/* Of either kind: no two operations have the same name. */
static void ratelimit_unknown(const struct rate_policy *policy, const struct catalog *catalog,
			      struct buf *lines)
{
	struct nearest nearest;

	nearest_init(&nearest, text_of(policy->operation));
	for (unsigned i = 0; i < catalog->count; i++)
		nearest_offer(&nearest, text_of(catalog->operations[i].name));
	buf_printf(lines,
		   "error: the rate limit \"%s\" is for %s, which is no operation of the catalog",
		   policy->name, policy->operation);
	if (nearest.best.ptr)
		buf_printf(lines, "; did you mean \"%s\"?", nearest.best.ptr);
	buf_byte(lines, '\n');
}

bool ratelimit_check(const struct rate_policies *policies, const struct catalog *catalog,
		     struct buf *lines)
{
	bool all_found = true;

	for (size_t i = 0; i < policies->count; i++) {
		const struct rate_policy *policy = &policies->items[i];
		bool found = !policy->operation;

		for (unsigned at = 0; at < catalog->count; at++) {
			const struct operation *operation = &catalog->operations[at];

			if (policy->operation && strcmp(policy->operation, operation->name) != 0)
				continue;
			found = true;
			if ((int64_t)operation->cost > policy->burst)
				buf_printf(lines,
					   "%s:%u: warning: %s costs %u, more than the burst of "
					   "%lld of the rate limit \"%s\": what is under it is "
					   "always 400\n",
					   operation->place.file, operation->place.line,
					   operation->name, operation->cost,
					   (long long)policy->burst, policy->name);
		}
		if (!found)
			ratelimit_unknown(policy, catalog, lines);
		all_found = all_found && found;
	}
	return all_found;
}
