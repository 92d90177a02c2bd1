/* SPDX-License-Identifier: Apache-2.0 */
/* The table is bench/load_options.def: what each option takes, its limits, its line of --help. */
#include "bench/load_options.h"

#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum load_option_kind {
	LOAD_TEXT,
	LOAD_COUNT,
	LOAD_SECONDS,
	LOAD_RATE,
	LOAD_WORD,
	LOAD_HEADER,
	LOAD_CLASS,
	LOAD_SWITCH
};

struct load_option {
	const char *flag, *placeholder;
	enum load_option_kind kind;
	size_t field;
	int64_t preset; /* of counts; of seconds, in microseconds */
	int64_t least, most;
	int class; /* of LOAD_CLASS: enum mix_kind */
	const char *help;
};

#define FIELD(name) offsetof(struct load_options, name)
#define COUNT(flag, name, preset, least, most, help)                                               \
	{                                                                                          \
		flag, "N", LOAD_COUNT, FIELD(name), preset, least, most, 0, help                   \
	}
#define SECONDS(flag, name, preset_ms, most_s, help)                                               \
	{                                                                                          \
		flag, "S", LOAD_SECONDS, FIELD(name), (preset_ms)*US_PER_MS, 0, most_s, 0, help    \
	}
#define CLASS(flag, spec, kind, help)                                                              \
	{                                                                                          \
		flag, spec, LOAD_CLASS, 0, 0, 0, 0, kind, help                                     \
	}

static const struct load_option load_option_rows[] = {
#include "bench/load_options.def"
};

#define LOAD_OPTIONS (sizeof(load_option_rows) / sizeof(load_option_rows[0]))

static void *load_field(struct load_options *options, const struct load_option *row)
{
	return (char *)options + row->field;
}

static bool load_fail(char *error, size_t room, const char *flag, const char *why)
{
	snprintf(error, room, "--%s: %s", flag, why);
	return false;
}

static bool load_number(const char *value, double *number)
{
	char *stop;

	errno = 0;
	*number = strtod(value, &stop);
	return *value && !*stop && !errno && *number == *number;
}

static bool load_count(struct load_options *options, const struct load_option *row,
		       const char *value, char *error, size_t room)
{
	char *stop;
	long long number;

	errno = 0;
	number = strtoll(value, &stop, 10);
	if (!*value || *stop || errno || number < row->least || number > row->most) {
		snprintf(error, room, "--%s: from %lld to %lld", row->flag, (long long)row->least,
			 (long long)row->most);
		return false;
	}
	*(uint64_t *)load_field(options, row) = (uint64_t)number;
	return true;
}

static bool load_real(struct load_options *options, const struct load_option *row,
		      const char *value, char *error, size_t room)
{
	double number;

	if (!load_number(value, &number) || number < 0.0 || number > (double)row->most) {
		snprintf(error, room, "--%s: from 0 to %lld", row->flag, (long long)row->most);
		return false;
	}
	if (row->kind == LOAD_RATE)
		*(double *)load_field(options, row) = number;
	else
		*(int64_t *)load_field(options, row) = (int64_t)(number * (double)US_PER_S);
	return true;
}

static bool load_set(struct load_options *options, const struct load_option *row, const char *value,
		     char *error, size_t room)
{
	switch (row->kind) {
	case LOAD_TEXT:
		*(const char **)load_field(options, row) = value;
		return true;
	case LOAD_COUNT:
		return load_count(options, row, value, error, room);
	case LOAD_SECONDS:
	case LOAD_RATE:
		return load_real(options, row, value, error, room);
	case LOAD_WORD:
		options->kind =
			strcmp(value, "constant") == 0 ? SCHEDULE_CONSTANT : SCHEDULE_POISSON;
		if (options->kind == SCHEDULE_POISSON && strcmp(value, "poisson") != 0)
			return load_fail(error, room, row->flag, "poisson or constant");
		return true;
	case LOAD_HEADER:
		if (options->headers_count == LOAD_HEADERS_MAX || !strchr(value, ':'))
			return load_fail(error, room, row->flag, "at most 8, each NAME: VALUE");
		options->headers[options->headers_count++] = value;
		return true;
	case LOAD_CLASS:
		return mix_add(&options->mix, (enum mix_kind)row->class, value, error, room);
	case LOAD_SWITCH:
		*(bool *)load_field(options, row) = true;
		return true;
	}
	assert(!"a kind of option");
	return false;
}

static const struct load_option *load_find(const char *flag)
{
	for (size_t i = 0; i < LOAD_OPTIONS; i++)
		if (strcmp(load_option_rows[i].flag, flag) == 0)
			return &load_option_rows[i];
	return NULL;
}

static void load_presets(struct load_options *options)
{
	memset(options, 0, sizeof(*options));
	options->kind = SCHEDULE_POISSON;
	for (size_t i = 0; i < LOAD_OPTIONS; i++) {
		const struct load_option *row = &load_option_rows[i];

		if (row->kind == LOAD_COUNT || row->kind == LOAD_SECONDS)
			*(int64_t *)load_field(options, row) = row->preset;
	}
}

static bool load_look_up(struct load_options *options, char *error, size_t room)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found;
	const char *colon = strrchr(options->to, ':');
	char host[256];
	int failed;

	if (!colon || colon == options->to || (size_t)(colon - options->to) >= sizeof(host))
		return load_fail(error, room, "to", "HOST:PORT");
	memcpy(host, options->to, (size_t)(colon - options->to));
	host[colon - options->to] = '\0';
	failed = getaddrinfo(host, colon + 1, &hints, &found);
	if (failed)
		return load_fail(error, room, "to", gai_strerror(failed));
	memcpy(&options->address, found->ai_addr, found->ai_addrlen);
	options->address_len = found->ai_addrlen;
	freeaddrinfo(found);
	return true;
}

static bool load_complete(struct load_options *options, char *error, size_t room)
{
	if (!options->to)
		return load_fail(error, room, "to", "which server? HOST:PORT");
	if (!options->mix.count)
		return load_fail(error, room, "get",
				 "what is to be asked? --get, --post or --pair");
	if (!options->seconds_us || !options->timeout_us)
		return load_fail(error, room, "seconds", "neither it nor --timeout may be 0");
	if (options->rate_per_s <= 0.0)
		options->kind = SCHEDULE_CLOSED;
	return load_look_up(options, error, room);
}

bool load_options_read(struct load_options *options, int argc, char **argv, char *error,
		       size_t error_room)
{
	load_presets(options);
	for (int i = 1; i < argc; i++) {
		const struct load_option *row;

		if (strncmp(argv[i], "--", 2) != 0 || !(row = load_find(argv[i] + 2))) {
			snprintf(error, error_room, "%s: no such option; --help lists them",
				 argv[i]);
			return false;
		}
		if (row->kind != LOAD_SWITCH && i + 1 == argc)
			return load_fail(error, error_room, row->flag, "a value is missing");
		if (!load_set(options, row, row->kind == LOAD_SWITCH ? NULL : argv[++i], error,
			      error_room))
			return false;
	}
	return options->help || load_complete(options, error, error_room);
}

void load_options_help(struct buf *out)
{
	buf_string(out, "loadgen --to HOST:PORT --get '/PATH' [...]\n"
			"  Loads an HTTP server as planned and says how long it took.\n\n");
	for (size_t i = 0; i < LOAD_OPTIONS; i++) {
		const struct load_option *row = &load_option_rows[i];
		char left[64];

		snprintf(left, sizeof(left), "--%s %s", row->flag,
			 row->placeholder ? row->placeholder : "");
		buf_printf(out, "  %-36s %s", left, row->help);
		if (row->kind == LOAD_COUNT)
			buf_printf(out, " (default %lld)", (long long)row->preset);
		if (row->kind == LOAD_SECONDS)
			buf_printf(out, " (default %g)", (double)row->preset / (double)US_PER_S);
		buf_byte(out, '\n');
	}
	buf_string(
		out,
		"\nPaths and bodies may hold {1-99} (a random number), {user} and {unique}.\n"
		"Latency counts from the planned start: a server that stalls shows it in full.\n"
		"What was never answered (timed out, lost, never sent), or with 504, counts among\n"
		"answers with the time waited in vain; what was refused has a line of its own.\n"
		"Exit code: 0 measured, 1 could not measure, 2 wrong usage.\n");
}
