/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PLACE: to the node that is best now, to a replica's waiters, or refused. Over the states of
 * read/state.h; on the loop's thread.
 */
#pragma once

#include "read/state.h"

/* The step of READ_PLACE. */
enum step place_step(struct request *request);
/* The step of READ_PARKED and READ_BACKOFF: the wait is over, it is placed again. */
enum step place_again(struct request *request);
/* From READ_PLACE to the node of read->choice, or on from there if that has no room. */
enum step place_chosen(struct read *read);
/* The node of read->choice has no room for it: others are asked. */
void place_pass_over(struct read *read);
