/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines for operators on stderr, human or JSON. Any thread; a line is one write(2). Secrets never
 * get here: callers name nodes by host and port, users not at all.
 */
#pragma once

#include "base/check.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_HUMAN, LOG_JSON };

void log_setup(enum log_level level, enum log_format format);
void log_set_level(enum log_level level);
/* Is a line of this level written? Ask before expensive arguments. */
int log_enabled(enum log_level level);

/* A field of a line: names are snake_case; values are escaped here. */
struct log_field {
	const char *name;
	const char *value; /* NULL: the field is left out */
};

/* area: the folder or file that speaks, "monitor". */
void log_line(enum log_level level, const char *area, const struct log_field *fields,
	      const char *format, ...) printf_like(4, 5);

#define log_debug(area, ...) log_line(LOG_DEBUG, area, NULL, __VA_ARGS__)
#define log_info(area, ...) log_line(LOG_INFO, area, NULL, __VA_ARGS__)
#define log_warn(area, ...) log_line(LOG_WARN, area, NULL, __VA_ARGS__)
#define log_error(area, ...) log_line(LOG_ERROR, area, NULL, __VA_ARGS__)

/*
 * fields ends with a field whose name is NULL:
 * log_with(LOG_WARN, "pg", LOG_FIELDS({"node", n}), "…")
 */
#define LOG_FIELDS(...) ((const struct log_field[]){ __VA_ARGS__, { NULL, NULL } })
#define log_with(level, area, fields, ...) log_line(level, area, fields, __VA_ARGS__)

/* Says it and ends the process with status 1: for what cannot go on. */
void log_fatal(const char *area, const char *format, ...) printf_like(2, 3)
	__attribute__((noreturn));
