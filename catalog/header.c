/* SPDX-License-Identifier: Apache-2.0 */
/* The line that begins an operation: "-- query: NAME :many". */
#include "catalog/header.h"

#include "base/nearest.h"
#include "catalog/spelling.h"
#include "catalog/words.h"

static const char *const header_kinds[] = {
	[REQUEST_QUERY] = "query",
	[REQUEST_COMMAND] = "command",
};

static const char *const header_rows[] = {
	[ROWS_ONE] = ":one",
	[ROWS_MAYBE] = ":maybe",
	[ROWS_MANY] = ":many",
	[ROWS_EXEC] = ":exec",
};

#define KINDS (sizeof(header_kinds) / sizeof(header_kinds[0]))
#define ROWS (sizeof(header_rows) / sizeof(header_rows[0]))

static size_t header_letters(struct text text)
{
	size_t len = 0;

	while (len < text.len && ((text.ptr[len] | 0x20) >= 'a' && (text.ptr[len] | 0x20) <= 'z'))
		len++;
	return len;
}

static int header_kind(struct text word)
{
	for (size_t i = 0; i < KINDS; i++)
		if (text_is(word, header_kinds[i]))
			return (int)i;
	return -1;
}

static int header_cardinality(struct text word)
{
	for (size_t i = 0; i < ROWS; i++)
		if (text_is(word, header_rows[i]))
			return (int)i;
	return -1;
}

const char *header_rows_text(enum cardinality rows)
{
	return header_rows[rows];
}

/*
 * "query: …" is one; so is what only lacks the colon ("query a :one") and what has another word in
 * its place ("name: a :one"), so that a slip does not become a line of description.
 */
bool header_is(struct text comment)
{
	struct cut rest = cut_trim((struct cut){ comment, 0 });
	struct cut kind = cut_take(&rest, header_letters(rest.text));
	bool colon, known = header_kind(kind.text) >= 0;
	struct cut last;

	rest = cut_trim(rest);
	colon = rest.text.len > 0 && rest.text.ptr[0] == ':';
	if (known && colon)
		return true;
	if (colon)
		(void)cut_take(&rest, 1);
	else if (!known && !text_is_nocase(kind.text, "query") &&
		 !text_is_nocase(kind.text, "command"))
		return false;
	(void)cut_word(&rest);
	last = cut_word(&rest);
	return kind.text.len > 0 && rest.text.len == 0 && header_cardinality(last.text) >= 0;
}

/* What a bad name might have meant: small letters, underscores. */
static struct text header_name_better(struct draft *draft, struct text name)
{
	char better[OPERATION_NAME_MAX];
	size_t len = spelling_of_ours(name, better, sizeof(better));

	if (!len)
		return (struct text){ NULL, 0 };
	return arena_text(draft->arena, (struct text){ better, len });
}

static void header_read_kind(struct draft *draft, struct cut kind)
{
	int known = header_kind(kind.text);
	struct nearest nearest;

	if (known >= 0) {
		draft->operation.kind = (enum request_kind)known;
		return;
	}
	nearest_init(&nearest, kind.text);
	for (size_t i = 0; i < KINDS; i++) {
		nearest_offer(&nearest, text_of(header_kinds[i]));
		if (text_is_nocase(kind.text, header_kinds[i]))
			nearest.best = text_of(header_kinds[i]);
	}
	source_error_near(
		draft->source, kind.at, nearest.best,
		"unknown kind \"%.*s\"; an operation begins with \"-- query: NAME :many\" "
		"or \"-- command: NAME :one\"",
		source_shown(kind.text), kind.text.ptr);
}

static void header_read_name(struct draft *draft, struct cut name)
{
	draft->operation.name = arena_copy(draft->arena, name.text.ptr, name.text.len);
	if (name.text.len == 0)
		source_error(draft->source, name.at, "the operation has no name");
	else if (name.text.len > OPERATION_NAME_MAX)
		source_error(draft->source, name.at, "the name is longer than %d characters",
			     OPERATION_NAME_MAX);
	else if (!spelling_is_good(name.text))
		source_error_near(draft->source, name.at, header_name_better(draft, name.text),
				  "\"%.*s\" is no name of an operation: small letters, digits and "
				  "underscores, parts joined by dots, each beginning with a letter",
				  source_shown(name.text), name.text.ptr);
}

static void header_read_rows(struct draft *draft, struct cut word)
{
	int known = header_cardinality(word.text);
	struct text letters = word.text;
	struct nearest nearest;

	if (known >= 0) {
		draft->operation.rows = (enum cardinality)known;
		return;
	}
	if (word.text.len == 0) {
		source_error(draft->source, word.at,
			     "how many rows are expected? Add :one, :maybe, :many or :exec");
		return;
	}
	if (letters.ptr[0] == ':') {
		letters.ptr++;
		letters.len--;
	}
	nearest_init(&nearest, letters);
	for (size_t i = 0; i < ROWS; i++)
		nearest_offer(&nearest, text_of(header_rows[i] + 1));
	if (nearest.best.ptr)
		nearest.best.ptr--, nearest.best.len++;
	source_error_near(draft->source, word.at, nearest.best,
			  "\"%.*s\" is none of :one, :maybe, :many, :exec", source_shown(word.text),
			  word.text.ptr);
}

void header_read(struct draft *draft, size_t comment_at, struct text comment)
{
	struct cut rest = cut_trim((struct cut){ comment, comment_at });
	struct cut kind = cut_take(&rest, header_letters(rest.text));
	struct cut name;

	header_read_kind(draft, kind);
	rest = cut_trim(rest);
	if (rest.text.len > 0 && rest.text.ptr[0] == ':')
		(void)cut_take(&rest, 1);
	else
		source_error(draft->source, rest.at, "a colon is missing: \"-- %.*s: NAME :many\"",
			     (int)kind.text.len, kind.text.ptr);
	rest = cut_trim(rest);
	if (rest.text.len > 0 && rest.text.ptr[0] == ':')
		name = cut_take(&rest, 0);
	else
		name = cut_word(&rest);
	header_read_name(draft, name);
	header_read_rows(draft, cut_word(&rest));
	rest = cut_trim(rest);
	if (rest.text.len > 0)
		source_error(
			draft->source, rest.at,
			"nothing more may follow on this line; a description goes on the next");
}
