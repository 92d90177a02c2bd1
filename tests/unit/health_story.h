/* SPDX-License-Identifier: Apache-2.0 */
/* Queries at nodes that fail, fall silent or are late: what the stories of health and of retries
 * share. Of each node the oldest query is meant. */
#pragma once

#include "base/clock.h"
#include "scene.h"

#include <stdint.h>

#define TICK_US (10 * US_PER_MS) /* how often a node is looked at for silence */

static const char health_row[] = "{\"id\":7}";

/* Of a scene at its beginning. */
void begin(struct scene *scene);
/* The clock as a loop that is there sees it; the monitor has seen nothing in the meantime. */
void pass_slowly(struct scene *scene, int64_t us);
/* Of no user. */
void ask(struct scene *scene, struct asked *asked, const char *operation);
/* The node that a query waits at; NODES_MAX: none. */
unsigned asked_node(void);
/* One row, from now. */
void answer(unsigned node);
/* Until the loop has had enough of node 1: each failure is paid for by the other nodes. */
void break_replica(struct scene *scene, const char *sqlstate);
/* The statement is known to run for that long. */
void know(struct scene *scene, const char *operation, uint32_t running_us);
