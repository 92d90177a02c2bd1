/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The application's operations: annotated SQL files, read whole at start and on SIGHUP
 * (docs/sql-files.md is the syntax). A catalog never changes once it is loaded and is shared by all
 * threads; it dies when the last holder lets go.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/deprecation.h"
#include "base/limits.h"
#include "base/request.h"
#include "base/statement.h"
#include "base/text.h"
#include "catalog/schedule.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cardinality { ROWS_ONE, ROWS_MAYBE, ROWS_MANY, ROWS_EXEC };
enum on_lag { ON_LAG_SPILL, ON_LAG_STALE, ON_LAG_FAIL };
enum catalog_isolation { CATALOG_READ_COMMITTED, CATALOG_REPEATABLE_READ, CATALOG_SERIALIZABLE };
enum idempotency { IDEMPOTENCY_OPTIONAL, IDEMPOTENCY_NONE, IDEMPOTENCY_REQUIRED };
enum int8_form { INT8_OF_SERVICE, INT8_NUMBER, INT8_STRING };
enum async { ASYNC_NEVER, ASYNC_ALLOWED, ASYNC_ALWAYS };

/* Who may share a cached answer: all, or callers who are the same. */
enum cache_vary {
	CACHE_VARY_AS_FOUND, /* by whether the statement sees who asks (router/cache_reads.h) */
	CACHE_VARY_USER,
	CACHE_VARY_NONE,
};

/* Are the principal's claims set for its statement (router/claims.h)? */
enum catalog_claims { CATALOG_CLAIMS_NONE, CATALOG_CLAIMS_SET };

/* Who may call an operation; where it has roles, one of them is wanted as well. */
enum access {
	ACCESS_PRINCIPALS, /* who has a credential */
	ACCESS_PUBLIC,     /* who has none, too */
	ACCESS_INTERNAL,   /* peers of a Unix socket */
};

struct place {
	const char *file;      /* relative to the catalog's folder */
	unsigned line, column; /* from 1; columns in characters */
};

struct parameter {
	const char *name;
	const char *type; /* as declared, "bigint", "text[]"; NULL: PostgreSQL's own answer */
	const char *description;   /* "" when there is none */
	bool declared;             /* by a @param */
	bool optional;             /* absent or null binds NULL */
	struct text default_value; /* text form; ptr NULL: none */
	bool is_request_user;      /* binds the request's user, never from the outside */
	struct place place;        /* of its declaration, or of its first use */
};

/* A parameter in a statement's text: in characters, since PostgreSQL counts so too. */
struct place_shift {
	unsigned at;           /* of "$1" in the text as sent, from 1 */
	unsigned sent, source; /* lengths of "$1" and of the author's ":name" */
};

/* Of @tags and @invalidates, "orders:{id}": names and parameters, joined by colons. */
struct tag {
	const struct tag_part {
		struct text name;
		unsigned param; /* its index + 1, instead of a name; 0: it is a name */
	} * parts;              /* [parts_count] */
	unsigned parts_count;
};

/* Of @refreshes: a query that is asked for the cache once the command has committed. */
struct refresh {
	struct text query;
	struct place place;
	const struct refresh_value {
		struct text name; /* of the query's parameter */
		struct place place;
		unsigned param; /* of the command: its index */
	} * values;             /* [values_count] */
	unsigned values_count;
	bool waits; /* the command is answered behind it */
};

/* Of @notnull. */
struct named_column {
	struct text name;
	struct place place;
};

/* Of @deprecated. */
struct deprecated {
	const char *day;       /* YYYY-MM-DD; NULL: it is not */
	struct text successor; /* what to call instead; ptr NULL: it names nothing */
	struct place place;    /* of that name */
	struct deprecation headers;
};

struct operation {
	unsigned index; /* in the catalog, sorted by name */
	const char *name;
	enum request_kind kind;
	enum cardinality rows;
	const char *description;      /* the plain comment lines */
	struct place place;           /* of its header */
	struct parameter *parameters; /* in the order of $1, $2, … : statement.params of them */
	unsigned parameters_count;
	struct statement *statement; /* lives as long as the catalog */
	char version[17]; /* of its text: 16 hexadecimal digits, the same in all processes */

	/* Options; the defaults of the contract where the file says nothing. */
	enum level consistency;
	enum from from;           /* of LEVEL_STRONG */
	int64_t staleness_us_max; /* -1: no limit */
	enum on_lag on_lag;
	int64_t timeout_us; /* 0: the request's */
	uint64_t rows_max;  /* 0: no limit of its own */
	unsigned urgency;
	unsigned cost; /* units of a rate limit */
	enum int8_form int8;
	const struct named_column *not_null; /* [not_null_count], @notnull */
	unsigned not_null_count;
	struct text example; /* @example: a JSON object; ptr NULL: none */
	struct deprecated deprecated;
	enum coalescing coalescing;
	enum catalog_isolation isolation;
	bool is_call; /* CALL: a procedure, which may try to end the transaction */
	enum catalog_claims claims;
	enum access access;
	const struct text *roles; /* [roles_count] */
	unsigned roles_count;
	enum idempotency idempotency;
	bool lonely; /* command: never commits together with others */

	/* Of a command that is run as a job: accepted from a client, or by its schedule. */
	enum async async;
	unsigned retries;           /* attempts behind the first */
	int64_t retries_backoff_us; /* before the second attempt, at most; doubled each time */
	int64_t keep_us;            /* how long a finished job can be asked for */
	unsigned workers;    /* batches of it at once on one instance, at most; 0: no limit */
	unsigned batch_max;  /* accepted by one request, as an array; 0: it takes none */
	unsigned ordered_by; /* jobs of one value run one after another; 0: none, else the
			      * parameter's index + 1 */
	const struct text *relations; /* [relations_count], @reads, @writes: all that its functions
				       * read or write to */
	unsigned relations_count;
	struct schedule schedule;       /* when it is run by itself */
	int64_t cache_us, cache_swr_us; /* 0: not cached */
	enum cache_vary cache_vary;
	uint32_t cache_number;  /* of a query with @cache, for counts; 0: none of its own */
	bool cache_volatile_ok; /* a statement that is volatile, or asks the time, may be cached */
	/* Of a query: what a cached answer of it is a part of (@tags). Of a command: what it makes
	 * stale (@invalidates). */
	const struct tag *tags; /* [tags_count] */
	unsigned tags_count;
	const struct refresh *refreshes; /* [refreshes_count] */
	unsigned refreshes_count;

	/* For operation_place. */
	struct place text_place;          /* of the statement's first character */
	const struct place_shift *shifts; /* [shifts_count], in the order of the text */
	unsigned shifts_count;
};

struct catalog {
	struct operation *operations; /* sorted by name */
	unsigned count;
	bool refreshes; /* has it a command with @refreshes? */
	/* The rest is catalog/'s own. */
	struct text notes; /* the lines of catalog_notes */
	struct arena arena;
	_Atomic unsigned holders;
};

/*
 * Reads every .sql file below dir (no symlink loops; limits in base/limits.h). NULL: errors holds a
 * line each, "file:line:col: error: …" with the nearest known word, all of them (but for
 * CATALOG_ERRORS_MAX), not only the first; what has no line is "file: error: …". previous may be
 * NULL; an operation whose text and declared types are unchanged keeps its statement's id, so that
 * conns need not prepare it again. Blocks on files: never call it on a loop. The caller is the
 * first holder.
 */
struct catalog *catalog_load(const char *dir, const struct catalog *previous,
			     struct buf *errors) must_check;
/* The same for one file already in memory; for tests and fuzzing. */
struct catalog *catalog_load_text(const char *file, struct text text,
				  struct buf *errors) must_check;
/* How bigint leaves where an operation does not say it itself. Before the catalog is used. */
void catalog_set_int8(struct catalog *catalog, bool as_text);
/* From now on a row with a NULL where @notnull says that there is none is no answer. Before the
 * catalog is used. */
void catalog_check_not_null(struct catalog *catalog);
/* Gives numbers to queries with @cache, by their names. Before the catalog is used. */
void catalog_set_cache_numbers(struct catalog *catalog,
			       uint32_t (*number)(void *arg, const char *name), void *arg);
struct catalog *catalog_hold(struct catalog *catalog);
/* Frees it with the last holder. Any thread. */
void catalog_let_go(struct catalog *catalog);

/* NULL: no such operation of that kind. Binary search; any thread. */
const struct operation *catalog_find(const struct catalog *catalog, enum request_kind kind,
				     struct text name);
/* Is it a command that may be run as a job? */
bool operation_is_job(const struct operation *operation) must_check;
bool catalog_has_jobs(const struct catalog *catalog) must_check;
/* Has it a query with @cache? */
bool catalog_has_cache(const struct catalog *catalog) must_check;
/* The parameter of that name that the outside may set; NULL: none (:request_user never is). */
const struct parameter *operation_parameter(const struct operation *operation, struct text name);
/* The author's place of a character (from 1) of the statement's text as sent to PostgreSQL. */
struct place operation_place(const struct operation *operation, unsigned char_position);
/* A line for each option that has no effect: "file:line: note: …". */
void catalog_notes(const struct catalog *catalog, struct buf *lines);
