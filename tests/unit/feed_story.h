/* SPDX-License-Identifier: Apache-2.0 */
/* One feed that reads the model: what stories about it begin with. */
#pragma once

#include "feed_model.h"

#define FEED_ALL MODEL_TRANSACTIONS_MAX

extern struct model model;
extern struct stripes stripes;
extern struct feed feed;
extern const struct feed_build feed_right;

/* Each story's; state is not used. */
int feed_set_up(void **state);
/* What a node answers that shows all up to there, so many rows of a kind at most. */
enum feed_next take_of(const struct feed_build *build, uint64_t at, unsigned rows_max,
		       enum feed_loss *loss);
/* All that there is now. */
enum feed_loss take(void);
/* It follows, and is as far as the primary. */
void begin(void);
struct model_transaction *write_row(uint64_t tag);
void commit_row(uint64_t tag);
uint64_t required(uint64_t tag);
void assert_nothing_missed(void);
