/* SPDX-License-Identifier: Apache-2.0 */
/* Counted generously: a descriptor too many in reserve costs one client of thousands. */
#include "cmd/descriptors.h"

#include "base/limits.h"
#include "base/log.h"

#include <sys/resource.h>

/* Log, signals, the admin listener with its connections, name resolution, certificates. */
#define DESCRIPTORS_OF_THE_PROCESS 128
/* Epolls, mailbox; connections that linger. */
#define DESCRIPTORS_OF_A_LOOP (16 + HTTP_LINGERING_MAX)
/* Of each loop: it and those to refuse with. */
#define DESCRIPTORS_OF_A_LISTEN (1 + HTTP_RESERVES)
/* Monitor, timelines, dials under way. */
#define DESCRIPTORS_OF_A_NODE 8

int64_t descriptors_for_clients(int64_t descriptors, const struct options *options, unsigned nodes)
{
	int64_t left = descriptors - DESCRIPTORS_OF_THE_PROCESS -
		       options->loops * (DESCRIPTORS_OF_A_LOOP + (int64_t)options->listens.count *
									 DESCRIPTORS_OF_A_LISTEN) -
		       nodes * (options->pool_conns + options->loops + DESCRIPTORS_OF_A_NODE);

	return left > 1 ? left : 1;
}

void descriptors_provide(struct options *options, unsigned nodes)
{
	struct rlimit limit;
	int64_t room;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	if (limit.rlim_cur < limit.rlim_max) {
		struct rlimit more = { .rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max };

		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			limit = more;
	}
	if (limit.rlim_cur == RLIM_INFINITY)
		return;
	room = descriptors_for_clients((int64_t)limit.rlim_cur, options, nodes);
	if (room >= options->connections_max)
		return;
	log_warn("serve",
		 "--connections-max is lowered to %lld: the process may open %lld files, and nodes"
		 " come first",
		 (long long)room, (long long)limit.rlim_cur);
	options->connections_max = room;
}
