/* SPDX-License-Identifier: Apache-2.0 */
/* Every fixed limit of the program. What an operator may change is an option instead. */
#pragma once

#include <assert.h>

#define HISTORY_SWITCHES_MAX 32     /* promotions that are remembered */
#define BRANCHES_MAX 4              /* branches that were given up, likewise */
#define NODES_MAX 16                /* PostgreSQL servers, the primary included */
#define NODE_OPTIONS_BYTES_MAX 4096 /* server settings given in a connection string */
#define LISTENS_MAX NODES_MAX       /* addresses of the API: as many as a list of options holds */
#define LOOPS_MAX 64                /* threads that serve requests */
#define PARAMS_MAX 128              /* parameters of one operation */
#define COLUMNS_MAX 1664            /* columns of one row (PostgreSQL's own limit) */
#define OPERATIONS_MAX 4096         /* operations of one catalog */
#define CATALOG_FILES_MAX 4096      /* .sql files of one catalog */
#define CATALOG_FILE_BYTES_MAX (1 << 20)
#define CATALOG_DEPTH_MAX 32             /* folders within folders */
#define CATALOG_ERRORS_MAX 100           /* lines of complaints about one catalog */
#define OPENAPI_OLD_BYTES_MAX (64 << 20) /* of the document of openapi --diff */
#define DOCUMENTS_KEPT_MAX 64            /* OpenAPI documents that are kept: sets of operations */
#define DOCUMENTS_BYTES_MAX (64 << 20)   /* of all of them, but for the newest */
#define DOCUMENTS_CHECK_US 2000000       /* how often it is asked whether the schema has changed */
#define DOCUMENTS_WAIT_US 1000000        /* for that answer a request waits, if there is another */
#define PARAMETER_NAME_MAX 63
#define BRACKETS_MAX 256 /* within each other, in one statement */
#define OPERATION_NAME_MAX 128
#define NEAREST_STEPS_MAX 200000 /* pairs of letters compared to find what was meant */
#define RECYCLED_BUFS_MAX 32     /* buffers without content that are kept for the next request */
#define RECYCLED_BUF_BYTES_MAX 256
#define USER_BYTES_MAX 256 /* the end user's name */
#define IDEMPOTENCY_KEY_BYTES_MAX 255
#define REQUEST_ID_BYTES_MAX 64
#define TOKENS_MAX 8 /* consistency tokens of one request */
#define TOKEN_TEXT_MAX 96
#define PAIRS_MAX 256 /* name=value pairs of one query string */
#define HEADERS_MAX 100
#define JSON_DEPTH_MAX 64
#define ARRAY_DEPTH_MAX 6               /* dimensions of a PostgreSQL array */
#define FEED_RELATIONS_OF_QUERY_MAX 256 /* a query that reads more of them is not read by table */
#define FEED_RELATIONS_MAX 1024         /* of all queries together; those beyond, likewise */
#define FORMS_MAX 1024                  /* types that those of one statement are made of */
#define FORM_FIELDS_MAX 16384           /* fields of them, all together */
#define FORM_DEPTH_MAX 16               /* types within each other; each doubles quotes within it */
#define FORM_TEXT_BYTES_MAX (1 << 25)   /* so that the text of one value has this limit */
#define FORMS_ANSWER_BYTES_MAX (1 << 22)
#define FORMS_EVERY_US 1000000 /* how often it is asked whether a composite's fields have changed */
#define BATCH_CALLS_MAX 64     /* calls under one Sync */
#define OPERATION_TAGS_MAX 16  /* of @tags, of @invalidates */
#define OPERATION_REFRESHES_MAX 8
#define GROUP_CALLS_MAX 32     /* commands of one transaction; the same limit in options.def */
#define GROUP_LOCK_WAIT_MS 50  /* a group waits that long for a lock, then its members go alone */
#define GROUP_STATEMENT_MS 100 /* and runs that long for one of them */
#define GROUP_QUARANTINE_RUNS_MIN 16 /* runs that a statement makes alone after it broke a group */
#define GROUP_QUARANTINE_RUNS_MAX 4096 /* when it keeps breaking them */
#define GROUP_RAISE_RUNS 200 /* runs with a savepoint in groups after an error of a statement */
#define GROUP_RAISE_RUNS_MAX 1000    /* when it keeps raising them */
#define JOBS_STATEMENT_MS 5000       /* of a claim of jobs, and of the statement that ends them */
#define JOBS_IDLE_MS 5000            /* a batch of jobs that waits for us longer is rolled back */
#define JOBS_PER_BODY_MAX 1000       /* accepted by one request: @batch-max */
#define JOB_EVENTS_MAX 1024          /* replies of one loop with events of jobs */
#define JOB_EVENTS_US_MAX 3600000000 /* one is that long at most */
#define JOB_WATCHES_MAX 4096         /* who waits on one loop for what becomes of a job */
#define JOBS_SHARE_PERCENT 5         /* of the time of their conns, however many commands wait */
#define JOBS_BESIDE_US 20000         /* so long behind a command they go one batch at a time */
#define JOBS_REST 2                  /* a batch waits so many times as long as the last one took, */
#define JOBS_REST_COMMANDS 32        /* where so many commands left while that ran */
#define JOBS_TURN_US_MAX 100000      /* a batch that took longer is counted as this long there */
#define CONN_OPENING_US_MAX 1000000  /* how long calls wait longer while their first conn is made */
#define CALL_PLACEMENTS_MAX 8 /* how often one call may be placed again, all reasons together */
#define REVALIDATION_BURST 8  /* how often a statement is described anew at once, */
#define REVALIDATION_EVERY_US 1000000   /* and then once in so long: pg/revalidation.h */
#define REVALIDATION_CHECK_US 2000      /* how often a loop looks whether another one has done it */
#define REVALIDATION_YOUNG_US 60000000  /* a replica may lack what was described since */
#define REVALIDATION_LACK_US 500000     /* and is left alone for so long when it did */
#define REVALIDATIONS_PER_REQUEST_MAX 2 /* of the statement of one request */
#define COMMAND_RERUNS_MAX 3            /* after serialization failures and deadlocks */
#define MAILBOX_SLOTS 1024              /* a power of two: letters waiting for one loop */
#define LOSS_NOTICES_PER_SESSION_SLOT                                                              \
	16                              /* users who need not be told of a loss, per session slot */
#define CACHE_BYTES_MIN (1 << 20)       /* of a cache of answers */
#define WARM_KEYS_MAX 65536             /* of --cache-warm */
#define WARM_KEY_BYTES_MAX 4096         /* of one of them, as a line */
#define WARM_BYTES_MAX (16 << 20)       /* of its file */
#define CACHE_ENTRY_BYTES_MAX (4 << 20) /* of one answer in it, its key and its head included */
#define LAG_RING_SLOTS 4096             /* a power of two: samples of the primary's position */
#define PARKED_MAX 1000                 /* waiters of one loop: resuming costs with their number */
#define LOG_LINE_BYTES_MAX 4096
#define PROBLEM_DETAIL_BYTES_MAX 512
#define LOOP_EVENTS_MAX 64 /* ready descriptors handled in one turn */
#define STATEMENTS_PER_CONN_MAX 8192
#define PARAM_ERRORS_MAX 16       /* told of one request */
#define REQUEST_CACHE_MAX 1024    /* ended requests kept by a thread for the next ones */
#define REQUEST_STATES_MAX 16     /* of one path: read/ or write/ */
#define POOLER_SHARED_US 10000000 /* a node found behind a pooler that shares is refused so long */
#define POOLER_ROUNDS 4           /* checks of a conn behind a pooler: does it keep its backend? */
#define STREAM_BUFFER_BYTES 65536 /* a reply that grows beyond leaves before it is whole */
#define STREAM_BYTES_TAKEN_MIN                                                                     \
	65536 /* a reader takes as much per --stream-stall-ms, or is cut off */
#define STREAM_SLOW_BYTES_PER_S                                                                    \
	65536 /* a slower reader may be evicted for another stream (http/stream_eviction.h) */
#define STREAM_SETTLED_US 5000000    /* but not before its stream has been under way for so long */
#define CONN_IDLE_US_MAX 60000000    /* a conn that is opened when needed is closed after so long */
#define REQUEST_OUT_BYTES_KEPT 16384 /* a larger out buffer is freed with its request */
#define HTTP_SWEEP_US 250000         /* how often connections whose time is over are looked for */
#define HTTP_CLOSES_PER_TURN 64      /* of those: who is in time is not kept waiting for it */
#define HTTP_WATCHDOG_CHECK_US 50000 /* between checks for requests that make no progress */
#define HTTP_SILENT_RUNS_MAX 64      /* of the HTTP library at once, in a row, without any effect */
#define HTTP_SILENT_PAUSE_US 1000    /* between runs after that many */
#define HTTP_WATCH_AFTER_US 10000    /* a request that waits longer: is its client still there? */
#define HTTP_PARTING_US 500000   /* who is shut for writing after its rest: until it is closed */
#define HTTP_LAST_REST_US 500000 /* a stopping listener closes connections that rest this long */
#define HTTP_LAST_ARRIVAL_US 1000000   /* and requests that take this long to arrive */
#define HTTP_LAST_ACCEPTS_MAX 6400     /* of who has connected already, when it stops */
#define HTTP_ACCEPTS_PER_TURN 64       /* so that those who are in are not kept waiting */
#define HTTP_ACCEPTS_SHARED_PER_TURN 1 /* of a socket from which other loops accept as well */
#define HTTP_RESERVES 4                /* descriptors of an acceptor, to refuse with */
#define HTTP_NEWCOMERS_PER_TURN 16     /* of those who were accepted: let in */
#define HTTP_FULL_FORGOTTEN_BYTES 4096 /* read of a request whose connection is refused */
#define HTTP_ACCEPT_PAUSE_US 20000     /* after an accept that failed for want of resources */
/* A reply must be taken within the first, plus its size by the second. */
#define HTTP_SENDING_US 10000000
#define HTTP_SENDING_BYTES_PER_S_MIN 65536
#define HTTP_SENDING_BYTES_MAX (256 << 20) /* of replies not taken yet, per loop */
#define HTTP_BODIES_BYTES_MAX (32 << 20)   /* of all bodies on their way in, per loop */
#define HTTP_YIELD_REST_US 5000000       /* who rests longer yields the place where all are taken */
#define HTTP_YIELD_ARRIVING_US 1000000   /* and a request that has been arriving for longer */
#define HTTP_SHARE_SCAN_MAX 256          /* connections looked at to find who makes room */
#define HTTP_CALLERS_BUCKETS 1024        /* of the table of callers that have connections */
#define HTTP_YIELDING_MAX 64             /* connections that have yielded and are not gone yet */
#define HTTP_TRIM_CONNECTIONS 1000       /* so many fewer: their memory goes back to the system */
#define HTTP_TRIM_PAUSE_US (5 * 1000000) /* from one such work to the next */
#define HTTP_LINGERING_US 1000000 /* how long a client may go on sending to a closed connection */
#define HTTP_LINGERING_MAX 64
#define HTTP_LINGERING_BYTES_MAX (16 << 20)
#define HTTP_LINGERING_PIECE_BYTES 16384
#define HTTP_REPLY_HEAD_BYTES 1536  /* kept free of a connection's memory: for the reply's head */
#define HTTP_HEADER_RECORD_BYTES 64 /* of that memory that libmicrohttpd needs for each header */
#define HTTP_REPLY_LINES_MAX 32     /* headers of a reply; 26 can come together */
#define HTTP_COOKIE_RECORDS 3       /* of those that an empty cookie takes (http/head/head.h) */
#define HTTP_PIECE_BYTES_MIN 1024 /* of a body: less is left to the library, until more is there */
#define HTTP_PIECES_LEFT_MAX 8    /* so often in a request */
#define HTTP_REFUSAL_SCAN_MAX 32  /* connections looked at to find whom the library refuses */
#define HTTP_HOST_BYTES_KEPT 128  /* of the last Host that a listener has served */
#define CORS_HEADERS_BYTES_MAX 1024  /* names of headers that a preflight may ask for */
#define GZIP_BYTES_MIN 1024          /* shorter replies are not compressed */
#define GZIP_PIECE_BYTES 32768       /* compressed in one go, of a stream or a long reply */
#define GZIP_WHOLE_BYTES_MAX 65536   /* longer replies are compressed in pieces */
#define GZIP_ROOM_MIN 16             /* what the library offers is 100 or more */
#define GZIP_STATES_MAX 32           /* compressions under way, of one listener; 260 KB each */
#define GZIP_STATES_KEPT 4           /* for the next ones */
#define RATE_POLICIES_MAX 16         /* rate limits */
#define RATE_COUNT_MAX 1000000       /* of a rate, of a burst */
#define RATE_WINDOW_S_MAX 31622400LL /* a whole burst grows back within a year */
#define RATE_SLOTS (1 << 18)         /* keys of rate limits with less than a full bucket, about */
#define KEYS_MAX 10000               /* API keys of one service that are not revoked */
#define KEY_NAME_BYTES_MAX 64        /* of a key, of a role */
#define KEY_ROLES_MAX 32             /* of one key */
#define KEYS_POLL_US 400000          /* how often the table of API keys is asked for changes */
#define KEYS_FIRST_POLL_US 20000     /* until it was read once: clients wait for that */
#define KEYS_AGE_US_MAX 300000000LL  /* what is known of keys is of no use after so long */
#define KEYS_USE_POLL_US 5000000     /* how often it is looked which keys were used */
#define KEYS_USED_AT_ONCE_MAX 256    /* noted in one statement */
#define AUDIT_RING_BYTES (1 << 20)   /* of the audit log that a loop keeps while the disk is slow */
#define AUTH_FAILURE_SLOTS (1 << 14) /* addresses whose credentials failed lately, about */
#define AUTH_FORGED_PER_S_MAX 100    /* signatures verified in vain, of all addresses together, */
#define AUTH_FORGED_AT_ONCE_MAX 20   /* and of these at once */
#define AUTH_KNOWN_US 3600000000LL   /* an address whose token was good does not pay for others */
#define CLIENT_ADDRESS_BYTES_MAX 63  /* who asks: an address */
#define HEAVY_HITTERS_KEYS_MAX 64    /* heaviest users, callers, operations that a loop counts */
#define HEAVY_HITTERS_NAME_BYTES_MAX USER_BYTES_MAX

#define JWT_BYTES_MAX 8192                      /* a longer token is no token */
#define JWT_LIFETIME_US_MAX (24 * 3600000000LL) /* from iat to exp; without iat: from now */
#define JWT_ROLES_MAX 256                       /* of one token */
#define JWT_KEYS_TRIED_MAX 4          /* keys that a token may be of, tried in their order */
#define JWT_CACHE_ENTRIES_MAX 4096    /* verified tokens that a loop remembers, */
#define JWT_CACHE_BYTES_MAX (8 << 20) /* and how much memory they may take */
#define JWS_KEY_BYTES_MAX 1024        /* an RSA modulus of 8192 bits; a secret */
#define JWS_RSA_BITS_MIN 2048
#define JWS_SECRET_BYTES_MIN 32
#define JWK_KEYS_MAX 32 /* of one key set */
#define JWK_KID_BYTES_MAX 256
#define JWKS_BYTES_MAX (256 << 10) /* a key set as text */
#define JWKS_FETCH_MS_MAX 10000    /* for one fetch, in all */
#define JWKS_FRESH_S_DEFAULT 300   /* where a server does not say how long its keys hold */
#define JWKS_FRESH_S_MIN 60        /* whatever it says */
#define JWKS_FRESH_S_MAX 3600
#define JWKS_RETRY_US 1000000 /* after a fetch that failed; doubled each time, up to */
#define JWKS_RETRY_US_MAX 60000000
#define JWKS_WANTED_US 30000000 /* unknown keys make one fetch in so long */

static_assert(OPERATION_NAME_MAX <= HEAVY_HITTERS_NAME_BYTES_MAX,
	      "room for the names of each kind");
static_assert(CLIENT_ADDRESS_BYTES_MAX <= HEAVY_HITTERS_NAME_BYTES_MAX,
	      "room for the names of each kind");
static_assert(GROUP_CALLS_MAX <= BATCH_CALLS_MAX, "a group is a batch");
static_assert(1 + GROUP_CALLS_MAX <= BATCH_CALLS_MAX, "a claim and its jobs are a batch");
static_assert(GROUP_CALLS_MAX <= 32, "beyond 64 sub-transactions snapshots overflow on standbys");
static_assert(GROUP_QUARANTINE_RUNS_MAX <= 0x7fff, "kept in half a word");
static_assert((MAILBOX_SLOTS & (MAILBOX_SLOTS - 1)) == 0, "ck_ring wants a power of two");
static_assert((LAG_RING_SLOTS & (LAG_RING_SLOTS - 1)) == 0, "the ring is indexed by a mask");
