/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries, read only, between two probes; and what all plans that only read have in common: a call
 * of theirs that was lost has done nothing, so it may be placed again.
 *
 *   [probe] [call 1] … [call n] [bound] Sync        then, where that bound is not exact or an
 *   [stands] Sync                                   error has aborted it
 */
#pragma once

#include "pg/wire/plan.h"

extern const struct plan plan_queries;

/* For the plans of descriptions and streams, as in struct plan. */
void plan_query_on_sync(struct conn *conn, bool counted);
void plan_query_on_lost(struct conn *conn, const struct closing *closing);
