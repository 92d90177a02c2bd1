/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL text cut into tokens by PostgreSQL's rules (documentation, "Lexical Structure";
 * parser/scan.l), with standard_conforming_strings on, plus one token of ours: :name. What
 * PostgreSQL can judge itself is passed through: only where tokens begin and end matters here.
 */
#pragma once

#include "base/check.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

enum token_kind {
	TOKEN_END,
	TOKEN_LINE_COMMENT,  /* -- to the end of the line, without it */
	TOKEN_BLOCK_COMMENT, /* nested */
	TOKEN_WORD,          /* identifier or keyword */
	TOKEN_QUOTED,        /* "identifier" or U&"identifier" */
	TOKEN_STRING, /* '…', E'…', U&'…', B'…', X'…', N'…', $tag$…$tag$, with its continuations */
	TOKEN_NUMBER,
	TOKEN_PARAMETER,     /* :name */
	TOKEN_POSITIONAL,    /* $1 */
	TOKEN_PSQL_VARIABLE, /* :'name' or :"name", of which only the beginning */
	TOKEN_CAST,          /* :: */
	TOKEN_ASSIGN,        /* := */
	TOKEN_COLON,
	TOKEN_SEMICOLON,
	TOKEN_OPEN_PAREN,
	TOKEN_CLOSE_PAREN,
	TOKEN_OPEN_BRACKET,
	TOKEN_CLOSE_BRACKET,
	TOKEN_BACKSLASH,
	TOKEN_OTHER,    /* one character: of an operator, a comma, a dot, … */
	TOKEN_UNCLOSED, /* runs to the end of the text; what: "string", "comment", … */
};

struct token {
	enum token_kind kind;
	size_t start, end;  /* byte offsets */
	bool first_on_line; /* nothing but white space before it */
	const char *what;   /* for TOKEN_UNCLOSED */
};

struct lexer {
	struct text text; /* borrowed; valid UTF-8 without NUL */
	size_t at;
	bool line_start;
};

void lexer_init(struct lexer *lexer, struct text text);
/* TOKEN_END again and again at the end. */
struct token lexer_next(struct lexer *lexer) must_check;

/* Of an identifier: its first byte, its other bytes. Every byte beyond ASCII is one. */
bool lexer_word_begins(char byte);
bool lexer_word_goes_on(char byte);
bool lexer_is_space(char byte);
