/* SPDX-License-Identifier: Apache-2.0 */
/* /admin/api/cache: what is kept, and what another size would bring. Main thread. */
#pragma once

#include "base/metrics.h"
#include "http/http.h"

struct admin;

/* arg: a struct admin. */
void cache_page(struct admin_reply *reply, void *arg);
/* The same as metrics. */
void cache_page_gauges(const struct admin *admin, struct metrics *metrics);
