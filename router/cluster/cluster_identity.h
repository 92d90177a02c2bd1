/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which cluster is served, where nodes of more than one are named: the one of --primary, by its
 * system identifier. Pure.
 *
 * Until --primary has told, another cluster must get no command. It is known without
 * --primary where --system-identifier names it, or where more than half of all nodes named agree;
 * and, for a pair whose primary died, where all who answer agree, one of them was promoted
 * (a timeline above 1: it was a standby once) and --primary was waited for. A primary on timeline 1
 * never was a replica.
 */
#pragma once

#include "base/check.h"
#include "base/limits.h"

#include <stdbool.h>
#include <stdint.h>

enum cluster_state {
	CLUSTER_UNKNOWN,  /* no node has told, or they disagree */
	CLUSTER_PRESUMED, /* all who told agree: good enough for eventual reads of standbys */
	CLUSTER_KNOWN,    /* for good */
};

/* What one node told of itself; the first is the --primary. */
struct cluster_claim {
	bool answered;
	uint64_t identifier; /* 0: it would not say */
	bool promoted;       /* out of recovery, on a timeline above 1 */
};

/* given: --system-identifier, or 0. waited: --primary had its time. *ours: 0 where not known. */
enum cluster_state cluster_identity_decide(const struct cluster_claim *claims, unsigned count,
					   uint64_t given, bool waited, uint64_t *ours) must_check;
