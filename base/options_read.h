/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of a verb: flag > environment CQRSD_<OPTION> > --config FILE > default. One table,
 * base/options.def. Durations are given in milliseconds and kept in microseconds.
 * CQRSD_<OPTION>_FILE names a file that holds the value of a STRING or STRINGS option, for secrets;
 * a password inside a flag works but is warned about. STRINGS are separated by white space in the
 * environment, POLICIES by semicolons. An empty environment variable counts as absent; CQRSD_PORT…
 * and CQRSD_SERVICE_…, which Kubernetes sets for a service named cqrsd, are none of ours.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/options.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Fills options for the verb from argv (after the verb), environ and the file. False: error holds
 * one line that names the place ("--max-lag-ms", "CQRSD_MAX_LAG_MS", "cqrsd.conf:12") and, for an
 * unknown key, the nearest known one. Values live in the arena. --flag VALUE and --flag=VALUE.
 * A rule across options: pool_conns >= 2 * loops. Environment variables CQRSD_* that are no option
 * are an error too, but for those of other verbs.
 */
bool options_read(struct options *options, enum verb verb, int argc, char **argv,
		  char **environment, struct arena *arena, char *error,
		  size_t error_room) must_check;
