/* SPDX-License-Identifier: Apache-2.0 */
/* The files of parts/ are read, and laid out as the rest of the document. */
#include "catalog/openapi/parts.h"

#include "base/json.h"
#include "catalog/openapi/parts_files.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define PARTS_REF_BYTES 128
#define PARTS_USER_HEADER "@USER@" /* in the place of its name */

static struct text parts_file(const char *name)
{
	const struct embedded *file = parts_files;

	while (file->name && strcmp(file->name, name) != 0)
		file++;
	assert(file->name);
	return file->bytes;
}

static struct json *parts_read(struct text text)
{
	struct json_error error;
	struct json *json = json_read(text, &error);

	assert(json);
	return json;
}

/* Is it referred to by what was written so far? */
static bool parts_is_used(const struct writer *writer, const char *section, struct text name)
{
	const struct buf *out = writer->out;
	char ref[PARTS_REF_BYTES];
	int len = snprintf(ref, sizeof(ref), "\"#/components/%s/%.*s\"", section, (int)name.len,
			   name.ptr);

	return memmem(out->ptr, out->len, ref, (size_t)len) != NULL;
}

/* The members that are referred to. */
static void parts_write_used(struct writer *writer, const char *section, struct text text)
{
	struct json *json = parts_read(text);

	writer_object(writer, section);
	for (const struct json *it = json_first(json); it; it = json_next(it)) {
		if (!parts_is_used(writer, section, json_key(it)))
			continue;
		writer_key(writer, json_key(it));
		writer_json(writer, NULL, it);
	}
	writer_end(writer);
	json_free(json);
}

static void parts_write_whole(struct writer *writer, const char *key, const char *file)
{
	struct json *json = parts_read(parts_file(file));

	writer_json(writer, key, json);
	json_free(json);
}

static void parts_write_members(struct writer *writer, const char *file)
{
	struct json *json = parts_read(parts_file(file));

	for (const struct json *it = json_first(json); it; it = json_next(it)) {
		writer_key(writer, json_key(it));
		writer_json(writer, NULL, it);
	}
	json_free(json);
}

static void parts_write_parameters(struct writer *writer, const char *user_header)
{
	struct text file = parts_file("parameters.json");
	const char *at = memmem(file.ptr, file.len, PARTS_USER_HEADER, strlen(PARTS_USER_HEADER));
	struct text rest;
	struct buf text;

	assert(at);
	rest.ptr = at + strlen(PARTS_USER_HEADER);
	rest.len = file.len - (size_t)(rest.ptr - file.ptr);
	buf_init(&text);
	buf_add(&text, file.ptr, (size_t)(at - file.ptr));
	buf_string(&text, user_header);
	buf_text(&text, rest);
	parts_write_used(writer, "parameters", (struct text){ text.ptr, text.len });
	buf_fini(&text);
}

void parts_write(struct writer *writer, const char *user_header)
{
	parts_write_parameters(writer, user_header);
	parts_write_used(writer, "headers", parts_file("headers.json"));
	parts_write_whole(writer, "securitySchemes", "security.json");
}

void parts_write_responses(struct writer *writer)
{
	parts_write_members(writer, "responses.json");
}

void parts_write_schemas(struct writer *writer, bool has_jobs)
{
	parts_write_whole(writer, "Problem", "problem.json");
	if (has_jobs)
		parts_write_members(writer, "jobs.json");
}

void parts_write_paths(struct writer *writer, bool has_jobs)
{
	if (has_jobs)
		parts_write_members(writer, "job_paths.json");
	parts_write_members(writer, "document_path.json");
}
