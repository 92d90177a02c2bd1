/* SPDX-License-Identifier: Apache-2.0 */
/* /admin/api/cache: what is kept, and what another size would bring. Main thread. */
#pragma once

#include "http/http.h"

/* arg: a struct admin. */
void cache_page(struct admin_reply *reply, void *arg);
