/* SPDX-License-Identifier: Apache-2.0 */
/* Each condition in turn; the first that does not hold is the answer. */
#include "router/cluster/confirmation.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

static struct confirmation confirmation_lacks(enum confirmation_lack lack, int node)
{
	return (struct confirmation){ .lack = lack, .node = node };
}

/* So many replicas stream by that name. */
static unsigned confirmation_count_of(const struct confirmation_facts *facts, const char *name)
{
	unsigned count = 0;

	for (unsigned i = 0; i < facts->count; i++)
		count += (int)i != facts->primary && strcasecmp(facts->said[i]->name, name) == 0;
	return count;
}

static enum confirmation_lack confirmation_of_primary(const struct standbys *primary)
{
	switch (primary->state) {
	case STANDBYS_UNASKED:
		return LACK_NAMES;
	case STANDBYS_UNREADABLE:
		return LACK_READABLE;
	case STANDBYS_READ:
		break;
	}
	if (primary->setting.method == SYNC_NONE)
		return LACK_NAMES;
	if (primary->setting.method != SYNC_ANY)
		return LACK_ANY;
	if (!sync_names_are_distinct(&primary->setting))
		return LACK_DISTINCT;
	if (primary->decoder_named)
		return LACK_DECODER;
	return primary->waits ? LACK_NOTHING : LACK_WAIT;
}

/* Who streams from the primary is a replica of ours, one by each name. */
static enum confirmation_lack confirmation_of_senders(const struct confirmation_facts *facts)
{
	const struct standbys *primary = facts->said[facts->primary];

	for (unsigned i = 0; i < primary->senders_count; i++) {
		if (confirmation_count_of(facts, primary->senders[i]) != 1)
			return LACK_STRANGER;
		for (unsigned j = 0; j < i; j++)
			if (strcasecmp(primary->senders[i], primary->senders[j]) == 0)
				return LACK_ONE_SENDER;
	}
	return LACK_NOTHING;
}

/* The primary that is left, and none of the replicas, streams by that name later: it is none of
 * those who acknowledge as long as it leads. */
static bool confirmation_is_primary(const struct confirmation_facts *facts, const char *name)
{
	return *name && strcasecmp(name, facts->said[facts->primary]->cluster_name) == 0 &&
	       !confirmation_count_of(facts, name);
}

/* Would its commits, as a primary's, wait for as many of the same? */
static bool confirmation_keeps(const struct confirmation_facts *facts,
			       const struct standbys *replica)
{
	const struct sync_names *own = &replica->setting;
	const struct standbys *primary = facts->said[facts->primary];

	if (own->method != SYNC_ANY || own->wanted < primary->setting.wanted || !replica->waits ||
	    !sync_names_are_distinct(own))
		return false;
	for (unsigned i = 0; i < own->count; i++)
		if (sync_names_find(&primary->setting, own->names[i]) < 0 &&
		    !confirmation_is_primary(facts, own->names[i]))
			return false;
	return true;
}

static enum confirmation_lack confirmation_of_replica(const struct confirmation_facts *facts,
						      const struct standbys *replica)
{
	switch (replica->state) {
	case STANDBYS_UNASKED:
		return LACK_KEPT;
	case STANDBYS_UNREADABLE:
		return LACK_REPLICA;
	case STANDBYS_READ:
		break;
	}
	if (!*replica->name || !*replica->sender)
		return LACK_REPLICA;
	/* Who streams from it would be no candidate at the primary, and could be promoted. */
	if (replica->senders_count)
		return LACK_STRANGER;
	if (replica->decoder_named)
		return LACK_DECODER;
	return confirmation_keeps(facts, replica) ? LACK_NOTHING : LACK_KEPT;
}

/* All replicas: bits of those that are named. */
static struct confirmation confirmation_of_replicas(const struct confirmation_facts *facts)
{
	const struct standbys *primary = facts->said[facts->primary];
	struct confirmation confirmation = { .node = -1 };
	const char *sender = NULL;

	for (unsigned i = 0; i < facts->count; i++) {
		const struct standbys *replica = facts->said[i];
		enum confirmation_lack lack;

		if ((int)i == facts->primary)
			continue;
		lack = confirmation_of_replica(facts, replica);
		if (!lack && sender && strcmp(sender, replica->sender) != 0)
			lack = LACK_SAME_SOURCE;
		if (lack)
			return confirmation_lacks(lack, (int)i);
		sender = replica->sender;
		if (sync_names_find(&primary->setting, replica->name) >= 0)
			confirmation.standbys |= 1u << i;
	}
	return confirmation;
}

static bool confirmation_knows_names(const struct confirmation_facts *facts)
{
	const struct sync_names *setting = &facts->said[facts->primary]->setting;

	for (unsigned i = 0; i < setting->count; i++)
		if (confirmation_count_of(facts, setting->names[i]) != 1)
			return false;
	return true;
}

struct confirmation confirmation_judge(const struct confirmation_facts *facts)
{
	const struct standbys *primary;
	struct confirmation confirmation;
	enum confirmation_lack lack;
	unsigned named, missing;

	if (facts->primary < 0)
		return confirmation_lacks(LACK_PRIMARY, -1);
	primary = facts->said[facts->primary];
	lack = confirmation_of_primary(primary);
	if (lack)
		return confirmation_lacks(lack, facts->primary);
	confirmation = confirmation_of_replicas(facts);
	if (confirmation.lack)
		return confirmation;
	if (!confirmation_knows_names(facts))
		return confirmation_lacks(LACK_KNOWN_NAME, facts->primary);
	lack = confirmation_of_senders(facts);
	if (lack)
		return confirmation_lacks(lack, facts->primary);
	named = primary->setting.count;
	missing = facts->count - 1 - named; /* replicas that are not named */
	confirmation.needed =
		(named > primary->setting.wanted ? named - primary->setting.wanted : 0) +
		(missing > 0);
	if (!confirmation.needed)
		confirmation.needed = 1;
	return confirmation;
}

const char *confirmation_lack_text(enum confirmation_lack lack)
{
	static const char *const texts[LACKS] = {
		[LACK_NOTHING] = "nothing",
		[LACK_PRIMARY] = "there is no primary",
		[LACK_NAMES] = "synchronous_standby_names is not set on the primary",
		[LACK_ANY] = "synchronous_standby_names of the primary is not ANY k (names)",
		[LACK_DISTINCT] = "synchronous_standby_names of the primary has a name twice, or *",
		[LACK_READABLE] = "what the primary says of its standbys cannot be read",
		[LACK_DECODER] = "a name in synchronous_standby_names is also one who decodes WAL",
		[LACK_WAIT] = ("synchronous_commit does not wait for standbys, by the server's "
			       "settings or those of a role or database"),
		[LACK_KNOWN_NAME] = "synchronous_standby_names has a name that is no replica's",
		[LACK_STRANGER] = "a standby that is none of the replicas streams",
		[LACK_ONE_SENDER] = "two standbys stream from the primary by one name",
		[LACK_REPLICA] = "it is not known by which name a replica streams, and from where",
		[LACK_KEPT] = "a replica, promoted, would not wait for as many of the standbys",
		[LACK_SAME_SOURCE] = "replicas stream from different places",
	};

	assert(lack < LACKS);
	return texts[lack];
}
