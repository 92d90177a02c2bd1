/* SPDX-License-Identifier: Apache-2.0 */
/* /admin/api/requests: what is in flight, by state and age. Main thread. */
#pragma once

#include "http/http.h"

/* arg: a struct admin. */
void requests_page(struct admin_reply *reply, void *arg);
