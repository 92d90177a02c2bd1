/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which conns of a pool the calls of a lane can leave on: at once, and when one more. How many
 * batches may be out at a time is the node's permit (pg/admission/concurrency.h); a few conns are
 * exempt from it (enum lane_exempt). Times are microseconds of the loop's clock. Reads the pool
 * only.
 */
#pragma once

#include "base/check.h"
#include "pg/admission/admission.h"
#include "pg/lane.h"

#include <stdbool.h>
#include <stdint.h>

struct pool;
struct conn;

/* As seen by the calls in that lane's queue. */
struct capacity capacity_of(const struct pool *pool, const struct lane *lane) must_check;
/* Batches that are out, without streams: what the permit counts. */
unsigned capacity_out(const struct pool *pool) must_check;
/* May a batch of that lane's calls leave on that conn, or are as many out as may be? */
bool capacity_allows(const struct pool *pool, const struct conn *conn,
		     const struct lane *lane) must_check;
/* Would that conn take what waits in that lane's queue, beside its own? */
bool capacity_travels_on(const struct pool *pool, const struct lane *lane,
			 const struct conn *conn) must_check;
/* Came no quick call lately, so that none is expected? */
bool capacity_quick_is_past(const struct pool *pool) must_check;
/* Is there no core for the first long query that waits, so that it has to? */
bool capacity_holds_long_back(const struct pool *pool) must_check;
