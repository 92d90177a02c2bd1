/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who pays for a query that is placed again after a node had it and failed: the budgets of the node
 * that is chosen next (router/health/budget.h). On the loop's thread.
 */
#pragma once

#include "base/check.h"
#include "read/state.h"

#include <stdbool.h>

/* It is about to be placed at read->choice.node. False: that would be a retry (read->fee is due),
 * and the node's budget does not pay for it. */
bool budgets_pay(struct read *read) must_check;
/* It was placed there: unless it was paid for, it earns a part of a retry, and of a hedge. */
void budgets_earn(struct read *read);
