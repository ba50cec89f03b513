/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posix_check [-q] [-r] [-s] FOLDER
 *
 * Checks that a folder behaves as POSIX and Linux say, prints a line for each check, and ends with status 0 if all hold, 1
 * if one does not, 2 if it was called wrongly. To be run by root, who may write to the folder.
 *
 *   -q   less of everything, for guests whose kernel is emulated
 *   -r   the folder is read-only, and has a file `file' with the text `contents'
 *   -s   all files belong to one user, whatever is done
 */
#include <linux/limits.h>

#include "check.h"
#include "tree.h"

__asm__(".globl _start\n"
        "_start:\n"
        "    xorl %ebp, %ebp\n"
        "    movq %rsp, %rdi\n"
        "    andq $-16, %rsp\n"
        "    call posix_check\n"
        "    ud2\n");

const char check_skipped[] = "not here";
bool check_squashed;
bool check_quick;

static int ran, failed;

static void print(const char *text)
{
    sys_write(1, text, length_of(text));
}

static void __attribute__((noreturn)) end(int status)
{
    for (;;)
        SYS(exit_group, status, 0, 0, 0, 0);
}

static void run_in_directory(const struct check *check)
{
    const char *result = "no directory for it";

    if (SYS(mkdir, check->name, 0777, 0, 0, 0) == 0 && SYS(chdir, check->name, 0, 0, 0, 0) == 0) {
        result = check->run();
        SYS(chdir, "..", 0, 0, 0, 0);
        if (!tree_remove(check->name) && (!result || result == check_skipped))
            result = "what it left can't be removed";
    }
    ran++;
    print(!result ? "ok " : result == check_skipped ? "skipped " : "FAILED ");
    print(check->name);
    if (result && result != check_skipped) {
        failed++;
        print(": ");
        print(result);
    }
    print("\n");
}

static void run_all(const struct check *checks)
{
    for (; checks->name; checks++)
        run_in_directory(checks);
}

static void run_read_only(void)
{
    for (const struct check *check = read_only_checks; check->name; check++) {
        const char *result = check->run();
        ran++;
        failed += result != NULL;
        print(result ? "FAILED " : "ok ");
        print(check->name);
        print(result ? ": " : "");
        print(result ? result : "");
        print("\n");
    }
}

static void run_read_write(void)
{
    static char name[32] = "posix-check-";
    const char *pid = decimal(SYS(getpid, 0, 0, 0, 0, 0));

    for (size_t i = 0; i <= length_of(pid); i++)
        name[12 + i] = pid[i];
    SYS(umask, 0, 0, 0, 0, 0);
    if (SYS(mkdir, name, 0755, 0, 0, 0) < 0 || SYS(chdir, name, 0, 0, 0, 0) < 0) {
        print("posix_check: can't make a directory in the folder\n");
        end(2);
    }
    run_all(names_checks);
    run_all(data_checks);
    run_all(lock_checks);
    run_all(attribute_checks);
    SYS(chdir, "..", 0, 0, 0, 0);
    if (SYS(rmdir, name, 0, 0, 0, 0) < 0) {
        failed++;
        print("FAILED end: the directory of the checks can't be removed\n");
    }
}

void __attribute__((noreturn, used)) posix_check(long *stack);

void posix_check(long *stack)
{
    char **arguments = (char **)(stack + 1);
    bool read_only = false;
    int i = 1;

    for (; i < stack[0] && arguments[i][0] == '-'; i++) {
        read_only |= is_same(arguments[i], "-r");
        check_squashed |= is_same(arguments[i], "-s");
        check_quick |= is_same(arguments[i], "-q");
        /* Of the program itself, to see whether a copy of it runs. */
        if (is_same(arguments[i], "--answer"))
            end(42);
    }
    if (i != stack[0] - 1 || SYS(chdir, arguments[i], 0, 0, 0, 0) < 0) {
        print("usage: posix_check [-q] [-r] [-s] FOLDER\n");
        end(2);
    }
    if (read_only)
        run_read_only();
    else
        run_read_write();
    print("posix_check: ");
    print(decimal(ran));
    print(" checks, ");
    print(decimal(failed));
    print(" failed\n");
    end(failed != 0);
}
