/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who pays for a query that is placed again after a node had it and failed: the budgets of the node
 * that is chosen next (router/health/budget.h). On the loop's thread.
 */
#pragma once

#include "base/check.h"

#include <stdbool.h>

struct task;

/* The task is about to be placed at task->choice.node. False: that would be a retry (task->pays),
 * and the node's budget does not pay for it. */
bool retry_pays(struct task *task) must_check;
/* It was placed there: unless it was paid for, it earns a part of a retry, and of a hedge. */
void retry_earn(struct task *task);
