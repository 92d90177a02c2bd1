/* SPDX-License-Identifier: Apache-2.0 */
/* The results of a run as a table for people and as JSON for programs. */
#pragma once

#include "base/buf.h"
#include "bench/load.h"

void load_report_table(const struct load_options *options, const struct load_results *results,
		       struct buf *out);
void load_report_json(const struct load_options *options, const struct load_results *results,
		      struct buf *out);
