/* SPDX-License-Identifier: Apache-2.0 */
/* When what runs by itself comes next: a note for each @every and @cron. */
#pragma once

#include "catalog/catalog.h"
#include "cmd/check_findings.h"

/* By the clock of this machine; no database is asked. */
void check_schedules(const struct catalog *catalog, struct findings *findings);
