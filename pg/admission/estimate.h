/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long statements run in the server, by what their batches took: statement->running_us, whose
 * lowest bit remembers that it was found slow, so that it does not flutter between lanes. And
 * whether their results are large: statement->large.
 */
#pragma once

#include "base/check.h"
#include "base/statement.h"

#include <stdbool.h>
#include <stdint.h>

#define ESTIMATE_SLOW_US 10000 /* above: slow */
#define ESTIMATE_QUICK_US 5000 /* below: quick again */

/* What it is known to take; 0: nothing is known. */
int64_t estimate_us(const struct statement *statement) must_check;
/* Has it ever run? */
bool estimate_is_known(const struct statement *statement) must_check;
bool estimate_is_slow(const struct statement *statement) must_check;
/*
 * The statements of one batch took that long together. A batch shows only its sum: each is given a
 * share of it by what is known of it so far.
 */
void estimate_learn(struct statement *const *statements, unsigned count, int64_t batch_us);

/* Did a result of it pass STREAM_BUFFER_BYTES, and was none of the last few small again? */
bool estimate_is_large(const struct statement *statement) must_check;
void estimate_learn_size(struct statement *statement, bool large);
