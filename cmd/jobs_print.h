/* SPDX-License-Identifier: Apache-2.0 */
/* What cqrsd jobs says of what it has found or done: results on stdout, the rest on stderr. */
#pragma once

#include "base/check.h"
#include "write/jobs/job_admin.h"

#include <stdbool.h>

/* Of an admin that ended well. False: not all that was wanted was there, or could be done. */
bool jobs_print(const struct job_admin *admin, struct job_ids *ids, bool json) must_check;
