/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A query that has its read index requires less of a node where the feed sees all that changes the
 * tables that it reads: what touched those last, up to the index. So a replica that is behind with
 * other tables may answer. On the loop's thread.
 */
#pragma once

#include "base/check.h"
#include "base/request.h"

#include <stdbool.h>

struct task;

/* Does the feed see all that changes what the query reads, as far as is known now? */
bool by_table_counts(const struct task *task) must_check;
/* A step behind requirement_confirm: waits for a moment until the feed is known up to the index. */
enum step by_table_step(struct request *request) must_check;
