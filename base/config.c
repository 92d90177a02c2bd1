/* SPDX-License-Identifier: Apache-2.0 */
/* The file is read whole and cut in place: keys and values point into it. */
#include "base/config.h"

#include "base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BLANKS " \t\r"
#define KEY_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
#define KEY_SHOWN_MAX 80

char *config_slurp(const char *path, struct arena *arena, char *error, size_t error_room)
{
	FILE *file = fopen(path, "re");
	const char *wrong = NULL;
	char *text = NULL, error_text[64];
	struct buf buf;
	size_t got;

	if (!file) {
		snprintf(error, error_room, "%s: %s", path, strerror(errno));
		return NULL;
	}
	buf_init(&buf);
	do {
		got = fread(buf_reserve(&buf, 4096), 1, 4096, file);
		buf.len += got;
	} while (got && buf.len <= CONFIG_BYTES_MAX);
	if (ferror(file))
		wrong = strerror_r(errno, error_text, sizeof(error_text));
	else if (buf.len > CONFIG_BYTES_MAX)
		wrong = "too large";
	else if (memchr(buf.ptr, '\0', buf.len))
		wrong = "holds a NUL byte";
	if (wrong)
		snprintf(error, error_room, "%s: %s", path, wrong);
	else
		text = arena_copy(arena, buf.ptr, buf.len);
	buf_fini(&buf);
	fclose(file);
	return text;
}

bool config_open(struct config *config, const char *path, struct arena *arena, char *error,
		 size_t error_room)
{
	*config = (struct config){ .path = path };
	config->at = config_slurp(path, arena, error, error_room);
	return config->at != NULL;
}

/* Cuts the next line off; NULL at the end. */
static char *config_line(struct config *config)
{
	char *line = config->at, *end;

	if (!*line)
		return NULL;
	end = strchrnul(line, '\n');
	config->at = *end ? end + 1 : end;
	*end = '\0';
	config->line++;
	return line + strspn(line, BLANKS);
}

static void config_trim(char *text)
{
	size_t len = strlen(text);

	while (len && strchr(BLANKS, text[len - 1]))
		len--;
	text[len] = '\0';
}

/* The value without its comment, or what is between its quotes; NULL: the quotes are wrong. */
static char *config_value(char *text)
{
	char *end;

	if (*text != '"') {
		for (end = text; *end; end++)
			if (*end == '#' && (end == text || strchr(BLANKS, end[-1])))
				break;
		*end = '\0';
		config_trim(text);
		return text;
	}
	end = strchr(++text, '"');
	if (!end)
		return NULL;
	*end++ = '\0';
	end += strspn(end, BLANKS);
	return *end && *end != '#' ? NULL : text;
}

/* "path:line: key: …", the key being the line's first word: what follows may be a secret. */
static enum config_step config_wrong(const struct config *config, const char *line,
				     const char *wrong, char *error, size_t error_room)
{
	int key = (int)strspn(line, KEY_LETTERS);

	snprintf(error, error_room, "%s:%u: %.*s%s%s", config->path, config->line,
		 key < KEY_SHOWN_MAX ? key : KEY_SHOWN_MAX, line, key ? ": " : "", wrong);
	return CONFIG_WRONG;
}

enum config_step config_next(struct config *config, char **key, char **value, char *error,
			     size_t error_room)
{
	const char *wrong;
	char *line, *equals;

	do {
		line = config_line(config);
		if (!line)
			return CONFIG_END;
	} while (!*line || *line == '#');

	equals = strchr(line, '=');
	*key = line;
	*value = NULL;
	wrong = "wants key = value";
	if (equals && equals != line) {
		*equals = '\0';
		config_trim(line);
		*value = config_value(equals + 1 + strspn(equals + 1, BLANKS));
		wrong = "a value that begins with a double quote ends with one";
	}
	if (*value)
		return CONFIG_PAIR;
	return config_wrong(config, line, wrong, error, error_room);
}
