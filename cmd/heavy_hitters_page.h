/* SPDX-License-Identifier: Apache-2.0 */
/* /admin/api/hot: which operations, users and callers make the load. Main thread. */
#pragma once

#include "http/http.h"

/* arg: a struct admin. */
void heavy_hitters_page(struct admin_reply *reply, void *arg);
