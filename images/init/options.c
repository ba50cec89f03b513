// SPDX-License-Identifier: Apache-2.0
#include "options.h"

#include <fcntl.h>

#include "sys.h"
#include "text.h"

// COMMAND_LINE_SIZE of Linux on x86. Every word takes at least two characters of it.
#define LINE_BYTES 2048
#define WORDS (LINE_BYTES / 2)

static char line[LINE_BYTES + 1];
static char *command[WORDS + 1];

static int port(char *text)
{
    unsigned long value;
    char *end = text_number(text, 0xffff, &value);

    return end && !*end ? (int)value : NO_PORT;
}

static void terminal(struct options *options, char *text)
{
    unsigned long rows, columns;

    if (text_equals(text, "pipe")) {
        options->pipe = true;
        return;
    }
    char *end = text_number(text, 0xffff, &rows);
    if (!end || *end != 'x')
        return;
    end = text_number(end + 1, 0xffff, &columns);
    if (!end || *end)
        return;
    options->rows = (unsigned short)rows;
    options->columns = (unsigned short)columns;
}

static void option(struct options *options, char *word)
{
    char *value;

    if ((value = text_after(word, "isthmus.exit=")))
        options->exit_port = port(value);
    else if ((value = text_after(word, "isthmus.mark=")))
        options->mark_port = port(value);
    else if ((value = text_after(word, "isthmus.tty=")))
        terminal(options, value);
    else if (text_equals(word, "quiet"))
        options->quiet = true;
}

void options_read(struct options *options)
{
    int words = 0;
    bool is_command = false;
    long fd = sys_open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
    long length = fd < 0 ? 0 : sys_read((int)fd, line, LINE_BYTES);

    sys_close((int)fd);
    options->exit_port = NO_PORT;
    options->mark_port = NO_PORT;
    line[length < 0 ? 0 : length] = 0;

    for (char *at = line; *at;) {
        char *word = at;
        while (*at && *at != ' ' && *at != '\n')
            at++;
        char *end = at;
        if (*at)
            at++;
        *end = 0;
        if (end == word)
            continue;
        if (!is_command) {
            if (text_equals(word, "--"))
                is_command = true;
            else
                option(options, word);
            continue;
        }
        // An empty argument is written "", which the kernel's own parser takes for the same.
        if (text_equals(word, "\"\""))
            *word = 0;
        text_percent_decode(word);
        command[words++] = word;
    }
    options->command = words ? command : NULL;
}
