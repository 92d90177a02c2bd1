/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time-outs of connections: how long one may rest, how long a request may take to arrive, how long
 * a reply may take to leave (by its size). How long a stream may stall is in http/chunked_reply.h.
 */
#pragma once

#include "base/check.h"

#include <stdbool.h>

struct connections;

/* Closes those whose time is over, HTTP_CLOSES_PER_TURN at most; false: there may be more. */
bool deadlines_sweep(struct connections *connections) must_check;
/* Replies take too much memory: closes those that have been SENDING longest, but for the newest. */
void deadlines_make_room(struct connections *connections);
