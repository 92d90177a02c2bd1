/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A query whose node could not answer: on another one, once, if the budget of that one pays for it.
 * Over the states of read/state.h; on the loop's thread.
 */
#pragma once

#include "base/check.h"
#include "read/state.h"

#include <stdbool.h>
#include <stdint.h>

/* From READ_VERIFY: it is placed again after that long. */
enum step retry_after(struct read *read, int64_t us);
/* From READ_VERIFY: its node could not answer, and the request holds why. Another one is asked,
 * after a moment if the node had it; or it is refused. */
enum step retry_elsewhere(struct read *read);
/*
 * From its node to another one, once and at once. False: none is better, or the budget of that one
 * does not pay for it; nothing has changed. True: read->choice is that node, and place_chosen is to
 * follow. reason: for the metrics; trouble: for the client, if that one cannot answer either.
 */
bool retry_moves(struct read *read, const char *reason, const char *trouble) must_check;
/* As flight.on_silent: it moves, where the node is silent for long by what its statement takes. */
void retry_on_silent(struct flight *flight, int64_t silent_us);
