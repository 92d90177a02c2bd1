/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Back to a branch that was left: while no primary is there, a node that answers on a lower
 * timeline, on another one of the same number, or with less WAL is fenced until all nodes that
 * answer have agreed on it for --timeline-back-ms (router/cluster/quorum.h); three times as long
 * while one does not answer, since the one that is waited for may live there. Then its branch is
 * followed and the other one given up (router/cluster/branches.h).
 */
#pragma once

#include "router/cluster/cluster.h"

#include <stdint.h>

/* After each answer. */
void agreement_update(struct cluster *cluster, int64_t now_us);
