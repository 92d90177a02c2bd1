/* SPDX-License-Identifier: Apache-2.0 */
/* One queue of a pool (pg_stage.h) to which more come than leave, for stories about admission. */
#pragma once

#include "pg_stage.h"

#include <stdbool.h>
#include <stdint.h>

#define CALLS 320
#define SERVED_US (6 * US_PER_MS) /* by one call of served */
#define SLOW_US (20 * US_PER_MS)  /* what statement 2 takes, where it is slow */

/* Those that were admitted, and that of the last one that was refused. */
extern struct stage_call calls[CALLS];
extern unsigned calls_count;
extern uint64_t user_of_next; /* of those who come; 0: nobody known */

/* Settings of one conn, calls by themselves: the simplest queue there is. No call has come. */
struct pool_settings alone(void);
/* A quick query comes. False: it was refused, and stage_call_fini is due. */
bool came_of_cohort(unsigned urgency, unsigned cohort);
bool came(unsigned urgency);
/* And it does not matter whether. */
void try(unsigned urgency);
/* A slow one comes; refused ones are cleared away. */
bool slow_came_from(unsigned urgency, uint64_t user);
bool slow_came(unsigned urgency);
/* So many are served, one each SERVED_US. */
void served(unsigned count);
/* Two always wait. Afterwards the queue is found to stand, and two wait there. */
void overload(void);
/* All who wait are served. */
void finish(void);
