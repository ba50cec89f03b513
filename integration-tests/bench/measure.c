/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs commands in turn, ROUNDS times each, and prints a line per run: name, wall milliseconds from before fork to
 * after wait, user + system milliseconds, peak resident KiB, exit status.
 *
 *   measure ROUNDS NAME COMMAND… [-- NAME COMMAND…]…
 *
 * In turn, so that noise of the machine meets all of them alike. The children's standard input and output are
 * /dev/null. ISTHMUS_START_NANOS in a child's environment is CLOCK_MONOTONIC just before the fork.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_nanos(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void run(char **words)
{
    char start_text[32];
    struct rusage usage;
    int status;
    long long start = now_nanos();
    snprintf(start_text, sizeof start_text, "%lld", start);
    pid_t pid = fork();
    if (pid < 0) {
        perror("fork");
        exit(1);
    }
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        setenv("ISTHMUS_START_NANOS", start_text, 1);
        execvp(words[1], words + 1);
        perror(words[1]);
        _exit(127);
    }
    if (wait4(pid, &status, 0, &usage) != pid) {
        perror("wait4");
        exit(1);
    }
    double wall_ms = (now_nanos() - start) / 1e6;
    double cpu_ms = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3
                    + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
    printf("%s %.2f %.2f %ld %d\n", words[0], wall_ms, cpu_ms, usage.ru_maxrss,
           WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: measure ROUNDS NAME COMMAND... [-- NAME COMMAND...]...\n");
        return 2;
    }
    int rounds = atoi(argv[1]);
    for (int i = 2; i < argc; i++)
        if (strcmp(argv[i], "--") == 0)
            argv[i] = NULL;
    for (int round = 0; round < rounds; round++)
        for (int i = 2; i < argc; i++)
            if (i == 2 || argv[i - 1] == NULL)
                run(argv + i);
    return 0;
}
