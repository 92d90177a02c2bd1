/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of the program: each gets what follows it on the command line, gives an exit code. */
#pragma once

#define EXIT_DONE 0
#define EXIT_FAILED 1
#define EXIT_USAGE 2

int serve_main(int argc, char **argv);
int migrate_main(int argc, char **argv);
int check_main(int argc, char **argv);
int health_main(int argc, char **argv);
int version_main(int argc, char **argv);
int keys_main(int argc, char **argv);
int jobs_main(int argc, char **argv);
int openapi_main(int argc, char **argv);
int watch_main(int argc, char **argv);
int unwatch_main(int argc, char **argv);
