/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a node can be asked beyond what clients asked of it. In any WINDOW_S seconds: a share of the
 * requests that were placed there, and a reserve for quiet times. So a node that fails everything
 * gets at most so much more, and retries never feed an overload.
 *
 * A retry is a query placed on another node after one has had it and failed. Not a retry, and not
 * paid: what is placed again because its rows came too early, because the node has another role or
 * timeline by now, or because it never left: that is routing, and costs no node anything twice.
 */
#pragma once

#include "base/check.h"
#include "router/health/window.h"

#include <stdbool.h>
#include <stdint.h>

struct budget {
	unsigned percent;   /* of the requests */
	unsigned reserve;   /* beyond that, in WINDOW_S seconds */
	struct window seen; /* watched: what was paid */
	unsigned even;      /* the share of the last requests, not spent evenly yet */
	int64_t taken_us;   /* the last one */
};

/* A client's request goes to the node. */
void budget_earn(struct budget *budget, int64_t now_us);
/* Is there something left beyond so much that may be spent later? */
bool budget_has(struct budget *budget, unsigned later, int64_t now_us) must_check;
/* It was used; whatever is left. */
void budget_spend(struct budget *budget, int64_t now_us);
/* Both at once. False: it is used up; nothing was taken. */
bool budget_take(struct budget *budget, int64_t now_us) must_check;
/*
 * The same where the node fails queries itself: what ten quiet seconds have earned would be spent
 * in the first one, for errors come as quickly as requests. Each is paid by the requests since the
 * one before, or from the reserve where that was long ago.
 */
bool budget_take_evenly(struct budget *budget, int64_t now_us) must_check;
