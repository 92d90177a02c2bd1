/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which node the nodes that answer take for the primary now: the only one that claims
 * to be it, while all others that answer are standbys which stream its timeline now, and they are
 * more than half of those that are named. A standby that streams from no node agrees with none:
 * the one that it waits for may live. Pure.
 */
#pragma once

#include "base/check.h"
#include "router/cluster/cluster.h"

#include <stdbool.h>

/* -1: they do not agree. all: no node is silent. */
int quorum_primary(const struct cluster *cluster, bool *all) must_check;
