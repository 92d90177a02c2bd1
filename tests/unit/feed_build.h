/* SPDX-License-Identifier: Apache-2.0 */
/* router/feed/feed.c as it is, and built wrong on purpose, so that its model can be checked. */
#pragma once

#include "router/feed/feed.h"

struct feed_build {
	void (*init)(struct feed *feed, struct stripes *stripes);
	enum feed_next (*take)(struct feed *feed, const struct feed_answer *answer,
			       enum feed_loss *loss);
};

extern const struct feed_build feed_xmax;
