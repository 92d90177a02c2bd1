/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of PostgreSQL's syncrep_gram.y, by descent; its words are those of its scanner. */
#include "router/cluster/sync_names.h"

#include <string.h>
#include <strings.h>

#define WANTED_MAX 10000 /* PostgreSQL takes any int; nothing is known of such a cluster */

enum word_kind { WORD_END, WORD_NAME, WORD_NUMBER, WORD_ANY, WORD_FIRST, WORD_MARK, WORD_BAD };

struct word {
	enum word_kind kind;
	char text[SYNC_NAME_BYTES]; /* of a name or a number */
	char mark;                  /* "(", ")" or "," */
};

static bool word_is_letter(char byte)
{
	return byte == '_' || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* False: it is longer than any application_name. */
static bool word_add(struct word *word, size_t *len, char byte)
{
	if (*len == SYNC_NAME_BYTES - 1)
		return false;
	word->text[(*len)++] = byte;
	word->text[*len] = '\0';
	return true;
}

/* Behind the opening quote; two of them stand for one. */
static bool word_quoted(struct text *rest, struct word *word)
{
	size_t len = 0;

	for (; rest->len; rest->ptr++, rest->len--) {
		if (*rest->ptr == '"') {
			if (rest->len < 2 || rest->ptr[1] != '"') {
				rest->ptr++;
				rest->len--;
				return true;
			}
			rest->ptr++;
			rest->len--;
		}
		if (!word_add(word, &len, *rest->ptr))
			return false;
	}
	return false;
}

static bool word_bare(struct text *rest, struct word *word, bool digits)
{
	size_t len = 0;

	for (; rest->len; rest->ptr++, rest->len--) {
		char byte = *rest->ptr;

		if (!byte_is_digit(byte) && (digits || (!word_is_letter(byte) && byte != '$')))
			break;
		if (!word_add(word, &len, byte))
			return false;
	}
	return true;
}

static enum word_kind word_keyword(const struct word *word)
{
	if (strcasecmp(word->text, "any") == 0)
		return WORD_ANY;
	return strcasecmp(word->text, "first") == 0 ? WORD_FIRST : WORD_NAME;
}

static void word_skip_blanks(struct text *rest)
{
	while (rest->len && memchr(" \t\n\r\f\v", *rest->ptr, 6)) {
		rest->ptr++;
		rest->len--;
	}
}

/* Bytes beyond ASCII are letters to PostgreSQL, which writes an application_name without them. */
static struct word word_next(struct text *rest)
{
	struct word word = { .kind = WORD_BAD };
	char first;

	word_skip_blanks(rest);
	if (!rest->len)
		return (struct word){ .kind = WORD_END };
	first = *rest->ptr;
	if (word_is_letter(first)) {
		if (word_bare(rest, &word, false))
			word.kind = word_keyword(&word);
	} else if (byte_is_digit(first)) {
		if (word_bare(rest, &word, true))
			word.kind = WORD_NUMBER;
	} else {
		rest->ptr++;
		rest->len--;
		if (first == '"') {
			word.kind = word_quoted(rest, &word) ? WORD_NAME : WORD_BAD;
		} else if (first == '*') {
			word = (struct word){ .kind = WORD_NAME, .text = "*" };
		} else if (memchr("(),", first, 3)) {
			word.kind = WORD_MARK;
			word.mark = first;
		}
	}
	return word;
}

static bool word_is_mark(const struct word *word, char mark)
{
	return word->kind == WORD_MARK && word->mark == mark;
}

/* Names and commas, from this word on; *word is the one behind them. */
static bool sync_names_list(struct sync_names *names, struct text *rest, struct word *word)
{
	for (;;) {
		if (word->kind != WORD_NAME && word->kind != WORD_NUMBER)
			return false;
		if (names->count == NODES_MAX)
			return false;
		memcpy(names->names[names->count++], word->text, SYNC_NAME_BYTES);
		*word = word_next(rest);
		if (!word_is_mark(word, ','))
			return true;
		*word = word_next(rest);
	}
}

static bool sync_names_number(struct sync_names *names, const struct word *word)
{
	names->wanted = 0;
	for (const char *at = word->text; *at; at++) {
		names->wanted = names->wanted * 10 + (unsigned)(*at - '0');
		if (names->wanted > WANTED_MAX)
			return false;
	}
	return word->kind == WORD_NUMBER && names->wanted;
}

/* A number, and a list in brackets. */
static bool sync_names_counted(struct sync_names *names, struct text *rest, struct word *word)
{
	if (word->kind != WORD_NUMBER || !sync_names_number(names, word))
		return false;
	*word = word_next(rest);
	if (!word_is_mark(word, '('))
		return false;
	*word = word_next(rest);
	if (!sync_names_list(names, rest, word) || !word_is_mark(word, ')'))
		return false;
	*word = word_next(rest);
	return word->kind == WORD_END;
}

/* "2 (a, b)" is a number and its list; in "2, b" it is a name. */
static bool sync_names_bare(struct sync_names *names, struct text rest, struct word word)
{
	struct text ahead = rest;
	struct word second = word_next(&ahead);

	names->method = SYNC_FIRST;
	if (word_is_mark(&second, '('))
		return sync_names_counted(names, &rest, &word);
	names->wanted = 1;
	return sync_names_list(names, &rest, &word) && word.kind == WORD_END;
}

bool sync_names_read(struct sync_names *names, struct text setting)
{
	struct word word;

	*names = (struct sync_names){ .method = SYNC_NONE };
	for (size_t i = 0; i < setting.len; i++)
		if (setting.ptr[i] & 0x80 || !setting.ptr[i])
			return false;
	word = word_next(&setting);
	switch (word.kind) {
	case WORD_END:
		return true;
	case WORD_ANY:
	case WORD_FIRST:
		names->method = word.kind == WORD_ANY ? SYNC_ANY : SYNC_FIRST;
		word = word_next(&setting);
		return sync_names_counted(names, &setting, &word);
	case WORD_NAME:
	case WORD_NUMBER:
		return sync_names_bare(names, setting, word);
	case WORD_MARK:
	case WORD_BAD:
		break;
	}
	return false;
}

int sync_names_find(const struct sync_names *names, const char *name)
{
	if (!*name)
		return -1;
	for (unsigned i = 0; i < names->count; i++)
		if (strcmp(names->names[i], "*") != 0 && strcasecmp(names->names[i], name) == 0)
			return (int)i;
	return -1;
}

bool sync_names_are_distinct(const struct sync_names *names)
{
	for (unsigned i = 0; i < names->count; i++)
		if (sync_names_find(names, names->names[i]) != (int)i)
			return false;
	return true;
}
