/* SPDX-License-Identifier: Apache-2.0 */
/* What a query reads, as the primary tells it: cqrsd.feed_reads of the schema. */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/statement.h"
#include "base/text.h"
#include "catalog/catalog.h"

#include <stdbool.h>
#include <stdint.h>

/* To be run as a command: nothing stays of it. Lives as long as the process. */
struct statement *feed_reads(void);
/* Its three values for that query; of the arena. */
void feed_reads_values(const struct operation *operation, struct arena *arena,
		       const char *values[3]);
/*
 * Its rows, as pg/ encodes them: the relations, and what each was like, in shapes, which the caller
 * frees. NULL: not what it answers.
 */
struct statement_tags *feed_reads_take(struct text rows, int64_t **shapes) must_check;

/* A sum over the triggers of all watched tables. Lives as long as the process. */
struct statement *feed_triggers(void);
/* False: row is not what it answers. */
bool feed_triggers_take(struct text row, int64_t *triggers) must_check;
