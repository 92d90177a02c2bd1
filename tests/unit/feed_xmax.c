/* SPDX-License-Identifier: Apache-2.0 */
/* The feed, closing gaps by the xmax of a snapshot; stripes are the right ones. */
#define CONTROL_FEED_XMAX 1
#define feed_init feed_xmax_init
#define feed_forget feed_xmax_forget
#define feed_take feed_xmax_take
#define feed_loss_name feed_xmax_loss_name
#include "router/feed/feed.c"

#include "feed_build.h"

const struct feed_build feed_xmax = { feed_init, feed_take };
