/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the admin pages about jobs reach the primary: one conn of the main thread's, made for the
 * first of them and given up when none was asked for in a while. Main thread.
 */
#pragma once

#include "base/check.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "pg/node.h"
#include "pg/pool.h"
#include "router/cluster/topology.h"
#include "write/jobs/job_id.h"

struct jobs_desk;

struct jobs_desk *jobs_desk_new(struct loop *loop, struct metrics *metrics) must_check;
/* No page may wait; before the nodes are freed. */
void jobs_desk_free(struct jobs_desk *desk);

/* Of the primary of now; NULL: there is none. Until the next call. */
struct pool *jobs_desk_pool(struct jobs_desk *desk, struct node *const *nodes,
			    const struct topology *topology) must_check;
/* By the key of now; NULL: it is not known. Until the next call. */
struct job_ids *jobs_desk_ids(struct jobs_desk *desk, const struct topology *topology) must_check;
