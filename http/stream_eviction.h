/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room for one stream more, where all conns for streams of a node are taken. Of the streams of this
 * listener that have been under way for STREAM_SETTLED_US and whose reader, not the database, is
 * what they wait for, the one with the least bytes taken per second is cut off:
 *
 *   "slow"   when it takes less than STREAM_SLOW_BYTES_PER_S, whose ever it is;
 *   "share"  else the slowest of a caller who holds more than half of the conns (and more than one)
 *            while who asks holds less than half.
 *
 * A caller is an end user, or without one the client's address. The word is the `end` in
 * cqrsd_streams_total.
 */
#pragma once

#include "base/check.h"
#include "base/request.h"

/* As request->on_streams_full, on the loop's thread. node: as in struct request. */
bool stream_eviction_make_room(struct request *asking, const char *node) must_check;
