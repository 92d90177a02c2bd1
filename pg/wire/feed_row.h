/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the commands of a batch make stale, beyond what triggers see, as one row of the feed
 * (cqrsd.invalidation), at the end of their transaction and before its commit. So it is there
 * exactly if they have committed, and in the order of the log. Of a group that goes on behind an
 * error it is sent again, without the one that has failed.
 */
#pragma once

#include "base/check.h"

#include <stdbool.h>

struct conn;

/* Nothing to send where none of them has tags. False: libpq refused. */
bool feed_row_send(struct conn *conn) must_check;
