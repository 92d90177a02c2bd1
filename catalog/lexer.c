/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL's lexical structure, one function per kind of token; each ends behind its token. */
#include "catalog/lexer.h"

#include <assert.h>
#include <string.h>

bool lexer_is_space(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r' || byte == '\f';
}

bool lexer_word_begins(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
	       (unsigned char)byte >= 0x80;
}

bool lexer_word_goes_on(char byte)
{
	return lexer_word_begins(byte) || byte_is_digit(byte) || byte == '$';
}

void lexer_init(struct lexer *lexer, struct text text)
{
	*lexer = (struct lexer){ .text = text, .line_start = true };
}

/* The byte that many ahead; NUL, which no text holds, at the end. */
static char lexer_peek(const struct lexer *lexer, size_t ahead)
{
	size_t at = lexer->at + ahead;

	return at < lexer->text.len ? lexer->text.ptr[at] : 0;
}

static bool lexer_sees(const struct lexer *lexer, const char *string)
{
	size_t len = strlen(string);

	return lexer->text.len - lexer->at >= len &&
	       memcmp(lexer->text.ptr + lexer->at, string, len) == 0;
}

static void lexer_line_comment(struct lexer *lexer)
{
	while (lexer->at < lexer->text.len && lexer_peek(lexer, 0) != '\n' &&
	       lexer_peek(lexer, 0) != '\r')
		lexer->at++;
}

static bool lexer_block_comment(struct lexer *lexer)
{
	size_t depth = 0;

	do {
		if (lexer_sees(lexer, "/*")) {
			depth++;
			lexer->at += 2;
		} else if (lexer_sees(lexer, "*/")) {
			depth--;
			lexer->at += 2;
		} else if (lexer->at < lexer->text.len) {
			lexer->at++;
		} else {
			return false;
		}
	} while (depth > 0);
	return true;
}

/*
 * A string goes on in the next quotes if white space with a newline is all that stands between
 * (comments to the end of the line count as white space). Moves to behind that opening quote.
 */
static bool lexer_string_goes_on(struct lexer *lexer)
{
	size_t before = lexer->at;
	bool newline = false;

	for (;;) {
		char byte = lexer_peek(lexer, 0);

		if (lexer_is_space(byte)) {
			newline = newline || byte == '\n' || byte == '\r';
			lexer->at++;
		} else if (lexer_sees(lexer, "--")) {
			lexer_line_comment(lexer);
		} else {
			break;
		}
	}
	if (newline && lexer_peek(lexer, 0) == '\'') {
		lexer->at++;
		return true;
	}
	lexer->at = before;
	return false;
}

/* Behind the opening quote. False: it does not close. */
static bool lexer_string(struct lexer *lexer, bool backslashes)
{
	while (lexer->at < lexer->text.len) {
		char byte = lexer_peek(lexer, 0);

		lexer->at++;
		if (byte == '\\' && backslashes && lexer->at < lexer->text.len)
			lexer->at++;
		else if (byte == '\'' && lexer_peek(lexer, 0) == '\'')
			lexer->at++;
		else if (byte == '\'' && !lexer_string_goes_on(lexer))
			return true;
	}
	return false;
}

static bool lexer_quoted(struct lexer *lexer)
{
	while (lexer->at < lexer->text.len) {
		char byte = lexer_peek(lexer, 0);

		lexer->at++;
		if (byte == '"' && lexer_peek(lexer, 0) != '"')
			return true;
		if (byte == '"')
			lexer->at++;
	}
	return false;
}

/* The length of $tag$ with both its dollars; 0: here is none. */
static size_t lexer_dollar_tag(const struct lexer *lexer)
{
	size_t len = 1;

	if (lexer_word_begins(lexer_peek(lexer, len)))
		while (lexer_word_begins(lexer_peek(lexer, len)) ||
		       byte_is_digit(lexer_peek(lexer, len)))
			len++;
	return lexer_peek(lexer, len) == '$' ? len + 1 : 0;
}

static bool lexer_dollar_string(struct lexer *lexer, size_t tag_len)
{
	const char *tag = lexer->text.ptr + lexer->at;
	const char *end;

	lexer->at += tag_len;
	end = memmem(lexer->text.ptr + lexer->at, lexer->text.len - lexer->at, tag, tag_len);
	lexer->at = end ? (size_t)(end - lexer->text.ptr) + tag_len : lexer->text.len;
	return end != NULL;
}

static enum token_kind lexer_dollar(struct lexer *lexer, const char **what)
{
	size_t tag_len = lexer_dollar_tag(lexer);

	if (byte_is_digit(lexer_peek(lexer, 1))) {
		lexer->at++;
		while (byte_is_digit(lexer_peek(lexer, 0)))
			lexer->at++;
		return TOKEN_POSITIONAL;
	}
	if (tag_len) {
		*what = "dollar-quoted string";
		return lexer_dollar_string(lexer, tag_len) ? TOKEN_STRING : TOKEN_UNCLOSED;
	}
	lexer->at++;
	return TOKEN_OTHER;
}

static enum token_kind lexer_number(struct lexer *lexer)
{
	size_t sign;

	while (byte_is_digit(lexer_peek(lexer, 0)))
		lexer->at++;
	if (lexer_peek(lexer, 0) == '.' && lexer_peek(lexer, 1) != '.')
		lexer->at++;
	while (byte_is_digit(lexer_peek(lexer, 0)))
		lexer->at++;
	sign = lexer_peek(lexer, 1) == '+' || lexer_peek(lexer, 1) == '-';
	if ((lexer_peek(lexer, 0) | 0x20) == 'e' && byte_is_digit(lexer_peek(lexer, 1 + sign))) {
		lexer->at += 1 + sign;
		while (byte_is_digit(lexer_peek(lexer, 0)))
			lexer->at++;
	}
	return TOKEN_NUMBER;
}

/* An identifier, or one of the letters that begin a string: e'…' b'…' x'…' n'…' u&'…' u&"…". */
static enum token_kind lexer_word(struct lexer *lexer, const char **what)
{
	size_t start = lexer->at;
	char letter;

	while (lexer_word_goes_on(lexer_peek(lexer, 0)))
		lexer->at++;
	if (lexer->at != start + 1)
		return TOKEN_WORD;
	letter = (char)(lexer->text.ptr[start] | 0x20);
	if (lexer_peek(lexer, 0) == '\'' && strchr("ebxn", letter)) {
		lexer->at++;
		*what = "string";
		return lexer_string(lexer, letter == 'e') ? TOKEN_STRING : TOKEN_UNCLOSED;
	}
	if (letter == 'u' && lexer_sees(lexer, "&'")) {
		lexer->at += 2;
		*what = "string";
		return lexer_string(lexer, false) ? TOKEN_STRING : TOKEN_UNCLOSED;
	}
	if (letter == 'u' && lexer_sees(lexer, "&\"")) {
		lexer->at += 2;
		*what = "quoted identifier";
		return lexer_quoted(lexer) ? TOKEN_QUOTED : TOKEN_UNCLOSED;
	}
	return TOKEN_WORD;
}

static enum token_kind lexer_colon(struct lexer *lexer)
{
	char next = lexer_peek(lexer, 1);

	lexer->at++;
	if (next == ':' || next == '=') {
		lexer->at++;
		return next == ':' ? TOKEN_CAST : TOKEN_ASSIGN;
	}
	if (next == '\'' || next == '"')
		return TOKEN_PSQL_VARIABLE;
	if (!lexer_word_begins(next))
		return TOKEN_COLON;
	while (lexer_word_goes_on(lexer_peek(lexer, 0)))
		lexer->at++;
	return TOKEN_PARAMETER;
}

static enum token_kind lexer_one(struct lexer *lexer)
{
	char byte = lexer_peek(lexer, 0);

	lexer->at++;
	switch (byte) {
	case ';':
		return TOKEN_SEMICOLON;
	case '(':
		return TOKEN_OPEN_PAREN;
	case ')':
		return TOKEN_CLOSE_PAREN;
	case '[':
		return TOKEN_OPEN_BRACKET;
	case ']':
		return TOKEN_CLOSE_BRACKET;
	case '\\':
		return TOKEN_BACKSLASH;
	}
	return TOKEN_OTHER;
}

static enum token_kind lexer_token(struct lexer *lexer, const char **what)
{
	char byte = lexer_peek(lexer, 0);

	if (lexer_sees(lexer, "--")) {
		lexer_line_comment(lexer);
		return TOKEN_LINE_COMMENT;
	}
	if (lexer_sees(lexer, "/*")) {
		*what = "comment";
		return lexer_block_comment(lexer) ? TOKEN_BLOCK_COMMENT : TOKEN_UNCLOSED;
	}
	if (byte == '\'') {
		lexer->at++;
		*what = "string";
		return lexer_string(lexer, false) ? TOKEN_STRING : TOKEN_UNCLOSED;
	}
	if (byte == '"') {
		lexer->at++;
		*what = "quoted identifier";
		return lexer_quoted(lexer) ? TOKEN_QUOTED : TOKEN_UNCLOSED;
	}
	if (byte == '$')
		return lexer_dollar(lexer, what);
	if (byte == ':')
		return lexer_colon(lexer);
	if (byte_is_digit(byte) || (byte == '.' && byte_is_digit(lexer_peek(lexer, 1))))
		return lexer_number(lexer);
	if (lexer_word_begins(byte))
		return lexer_word(lexer, what);
	return lexer_one(lexer);
}

struct token lexer_next(struct lexer *lexer)
{
	struct token token = { .kind = TOKEN_END };

	while (lexer->at < lexer->text.len && lexer_is_space(lexer_peek(lexer, 0))) {
		if (lexer_peek(lexer, 0) == '\n' || lexer_peek(lexer, 0) == '\r')
			lexer->line_start = true;
		lexer->at++;
	}
	token.start = token.end = lexer->at;
	token.first_on_line = lexer->line_start;
	if (lexer->at == lexer->text.len)
		return token;
	lexer->line_start = false;
	token.kind = lexer_token(lexer, &token.what);
	token.end = lexer->at;
	assert(token.end > token.start);
	assert(token.end <= lexer->text.len);
	return token;
}
