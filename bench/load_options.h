/* SPDX-License-Identifier: Apache-2.0 */
/* What the load generator is told to do. Everything has a limit, so that no run is without end. */
#pragma once

#include "base/buf.h"
#include "base/check.h"
#include "bench/mix.h"
#include "bench/schedule.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define LOAD_CLIENTS_MAX 20000
#define LOAD_HEADERS_MAX 8

struct load_options {
	const char *to; /* HOST:PORT as given */
	struct sockaddr_storage address;
	socklen_t address_len;
	enum schedule_kind kind;
	double rate_per_s;
	uint64_t clients_count, sources_count, users_count, seed;
	int64_t seconds_us, warmup_us, timeout_us, late_us, good_us;
	uint64_t requests_max;
	struct mix mix;
	const char *headers[LOAD_HEADERS_MAX];
	unsigned headers_count;
	bool json, help;
};

/* Reads argv, looks the host up. False: error holds one line. */
bool load_options_read(struct load_options *options, int argc, char **argv, char *error,
		       size_t error_room) must_check;
void load_options_help(struct buf *out);
