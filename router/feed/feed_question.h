/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statement by which the feed is read, and its answer: a row of one text,
 *
 *   xmin|xmax|floor|xid and id of a mark, or two empty ones|shape|id:tag,tag id:* …
 *
 * with rows in the order of their ids; * stands for all tags.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/statement.h"
#include "base/text.h"
#include "router/feed/feed.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FEED_ROWS_MAX 1000 /* beyond the greatest id, and among the gaps, in one answer */

enum { FEED_QUESTION_VALUES = 4 };

/* Lives as long as the process. */
struct statement *feed_question(void);
/* relations: whose shape is asked for. The texts are of the arena. */
void feed_question_values(const struct feed *feed, const uint64_t *relations,
			  size_t relations_count, struct arena *arena,
			  const char *values[FEED_QUESTION_VALUES]);
/*
 * Reads a row as pg/ encodes it into answer, but for its positions; what it points to is of the
 * arena. shape: of the relations. False: not what the statement answers.
 */
bool feed_question_read(const struct feed *feed, struct text row, struct arena *arena,
			struct feed_answer *answer, int64_t *shape) must_check;

/* Where what was written is decoded: the shape alone, with what the publication has of it. */
struct statement *feed_shape_question(void);
const char *feed_shape_question_value(const uint64_t *relations, size_t relations_count,
				      struct arena *arena) must_check;
/* publication: another one for each change of it. False: not what the statement answers. */
bool feed_shape_question_read(struct text row, int64_t *shape, int64_t *publication) must_check;
