/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs VMs of the driver guest (integration-tests/guests) in turn, ROUNDS times each, and prints a line per run: name,
 * exit status, nanoseconds of CPU that the host's vCPU threads and that all other threads of the process and of its
 * children took between the guest's lines "begin" and "end", then the guest's line "result".
 *
 *   measure_guest ROUNDS NAME COMMAND… [-- NAME COMMAND…]…
 *
 * The guest polls, so its vCPU's thread is always busy: what the VMM costs shows in the others. The commands have the
 * guest's serial port on their standard output.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 1024

struct cpu_times {
    long long vcpu_nanos, other_nanos;
};

static bool read_first_line(const char *path, char *line, int bytes)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false; /* the thread has ended */
    bool read = fgets(line, bytes, file) != NULL;
    fclose(file);
    return read;
}

/* QEMU calls them "CPU 0/KVM" (-name debug-threads=on), Isthmus "isthmus-vcpu-0". */
static bool is_vcpu(const char *thread_name)
{
    return strncmp(thread_name, "CPU ", 4) == 0 || strstr(thread_name, "vcpu") != NULL;
}

/* What a process has had of the processors, threads that have ended included. */
static long long process_nanos(pid_t pid)
{
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return 0; /* it has ended */
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* The parent of a process, or 0 where it has ended: the second field behind its name, which is in brackets. */
static pid_t parent_of(const char *process)
{
    char path[384], line[LINE_BYTES];
    snprintf(path, sizeof path, "/proc/%s/stat", process);
    const char *behind_name = read_first_line(path, line, sizeof line) ? strrchr(line, ')') : NULL;
    return behind_name == NULL || strlen(behind_name) < 4 ? 0 : (pid_t)strtol(behind_name + 4, NULL, 10);
}

/* The same of a process and all that it has started, which a device of it may be. */
static long long family_nanos(pid_t pid)
{
    long long nanos = process_nanos(pid);
    DIR *processes = opendir("/proc");
    if (processes == NULL) {
        perror("/proc");
        exit(1);
    }
    for (struct dirent *process; (process = readdir(processes)) != NULL;)
        if (process->d_name[0] >= '1' && process->d_name[0] <= '9' && parent_of(process->d_name) == pid)
            nanos += family_nanos((pid_t)strtol(process->d_name, NULL, 10));
    closedir(processes);
    return nanos;
}

/* A thread's part is the first number of its schedstat. */
static struct cpu_times cpu_times(pid_t pid)
{
    struct cpu_times times = {0, 0};
    char folder[64], path[384], name[64], numbers[128];
    snprintf(folder, sizeof folder, "/proc/%d/task", pid);
    DIR *tasks = opendir(folder);
    if (tasks == NULL) {
        perror(folder);
        exit(1);
    }
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        if (task->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s/comm", folder, task->d_name);
        if (!read_first_line(path, name, sizeof name) || !is_vcpu(name))
            continue;
        snprintf(path, sizeof path, "%s/%s/schedstat", folder, task->d_name);
        if (read_first_line(path, numbers, sizeof numbers))
            times.vcpu_nanos += strtoll(numbers, NULL, 10);
    }
    closedir(tasks);
    times.other_nanos = family_nanos(pid) - times.vcpu_nanos;
    return times;
}

static pid_t start(char **command, int *output)
{
    int ends[2];
    if (pipe(ends) != 0) {
        perror("pipe");
        exit(1);
    }
    pid_t pid = fork();
    if (pid < 0) {
        perror("fork");
        exit(1);
    }
    if (pid == 0) {
        dup2(open("/dev/null", O_RDONLY), 0);
        dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
        execvp(command[0], command);
        perror(command[0]);
        _exit(127);
    }
    close(ends[1]);
    *output = ends[0];
    return pid;
}

static void run(char **words)
{
    struct cpu_times before = {0, 0}, after = {0, 0};
    char line[LINE_BYTES], result[LINE_BYTES] = "result\n";
    int output, status;
    pid_t pid = start(words + 1, &output);
    FILE *lines = fdopen(output, "r");
    while (fgets(line, sizeof line, lines) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        if (strcmp(line, "begin") == 0)
            before = cpu_times(pid);
        else if (strcmp(line, "end") == 0)
            after = cpu_times(pid);
        else if (strncmp(line, "result ", 7) == 0)
            snprintf(result, sizeof result, "%s", line);
        else
            fprintf(stderr, "%s: %s\n", words[0], line);
    }
    fclose(lines);
    if (waitpid(pid, &status, 0) != pid) {
        perror("waitpid");
        exit(1);
    }
    printf("%s status=%d vcpu_ns=%lld other_ns=%lld %s\n", words[0],
           WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), after.vcpu_nanos - before.vcpu_nanos,
           after.other_nanos - before.other_nanos, result);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: measure_guest ROUNDS NAME COMMAND... [-- NAME COMMAND...]...\n");
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
