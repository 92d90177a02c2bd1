/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moments are counted, not measured: what was handed to a pool after a query came was sent after
 * it, though the clock of the turn is the same.
 */
#include "router/witnesses.h"

#include "base/control.h"
#include "router/cluster/branches.h"

#include <assert.h>

static void witness_on_probe(struct call *call);

void witnesses_init(struct witnesses *witnesses, const struct witnesses_env *env)
{
	*witnesses = (struct witnesses){ .env = env };
	for (unsigned i = 0; i < NODES_MAX; i++) {
		witnesses->nodes[i].witnesses = witnesses;
		arena_init(&witnesses->nodes[i].arena);
	}
}

void witnesses_fini(struct witnesses *witnesses)
{
	for (unsigned i = 0; i < NODES_MAX; i++) {
		struct witness *witness = &witnesses->nodes[i];

		if (witness->pool)
			pool_forget(witness->pool, &witness->probe);
		arena_fini(&witness->arena);
	}
}

static unsigned witness_index(const struct witness *witness)
{
	return (unsigned)(witness - witness->witnesses->nodes);
}

static void witness_send(struct witness *witness)
{
	const struct witnesses_env *env = witness->witnesses->env;
	struct pool *pool = env->pool_of(env->arg, witness_index(witness));

	arena_reset(&witness->arena);
	witness->life = env->topology->nodes[witness_index(witness)].life;
	witness->asked = witness->wanted;
	witness->probe = (struct call){
		.kind = CALL_PROBE,
		.arena = &witness->arena,
		.on_done = witness_on_probe,
	};
	if (pool_submit(pool, &witness->probe))
		witness->pool = pool;
}

/* Does it follow the primary of now, by what it said behind all it was asked? Where nothing is
 * streamed to it, it is not known whom it follows. */
static bool witness_follows(const struct topology *topology, const struct call *call)
{
	return call->end == CALL_OK && call->in_recovery && call->streamed &&
	       branch_number(call->streamed) == branch_number(topology->primary_position.timeline);
}

static void witness_on_probe(struct call *call)
{
	struct witness *witness = container_of(call, struct witness, probe);
	const struct topology *topology = witness->witnesses->env->topology;

	witness->pool = NULL;
	if (witness_follows(topology, call)) {
		witness->seen = witness->asked;
		witness->seen_life = witness->life;
		witness->timeline = topology->primary_position.timeline;
	}
	if (witness->wanted > witness->asked)
		witness_send(witness);
}

static void witness_ask(struct witness *witness, uint64_t moment)
{
	witness->wanted = moment;
	if (!witness->pool)
		witness_send(witness);
	else if (!witness->probe.sent_us)
		witness->asked = moment;
}

uint64_t witnesses_ask(struct witnesses *witnesses)
{
	const struct topology *topology = witnesses->env->topology;
	uint64_t moment = ++witnesses->moment;

	if (topology->confirmation.needed > 1)
		for (unsigned i = 0; i < topology->count; i++)
			if (topology->confirmation.standbys & (1u << i) &&
			    node_is_up(&topology->nodes[i]))
				witness_ask(&witnesses->nodes[i], moment);
	return moment;
}

static bool witness_was_seen(const struct witness *witness, uint64_t moment)
{
	const struct topology *topology = witness->witnesses->env->topology;

	return witness->seen >= moment &&
	       witness->timeline == topology->primary_position.timeline &&
	       witness->seen_life == topology->nodes[witness_index(witness)].life;
}

bool witnesses_confirm(const struct witnesses *witnesses, uint64_t moment, unsigned node,
		       const struct call *call, bool *pending)
{
	const struct topology *topology = witnesses->env->topology;
	const struct confirmation *confirmation = &topology->confirmation;
	unsigned seen = 0;

	*pending = false;
	if (!moment || !confirmation->needed || !witness_follows(topology, call))
		return false;
	for (unsigned i = 0; i < topology->count; i++) {
		const struct witness *witness = &witnesses->nodes[i];

		if (!(confirmation->standbys & (1u << i)))
			continue;
		if (i == node || witness_was_seen(witness, moment))
			seen++;
		else if (witness->pool)
			*pending = true;
	}
	return seen >= (CONTROL_WITNESSES ? confirmation->needed : 1);
}
