/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a catalog knows of commands that may be jobs, for the statement that replays dead letters:
 * {"place_order":{"takes":["sku","note"],"needs":["sku"]}}, each with the names of its parameters
 * and of those without which it cannot run. As write/jobs/job_row.h reads a row, so it is asked.
 */
#pragma once

#include "base/buf.h"
#include "catalog/catalog.h"

void job_known_write(struct buf *out, const struct catalog *catalog);
