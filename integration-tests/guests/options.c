/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include "console.h"
#include "text.h"

#define COMMAND_LINE_MAX 1024
#define OPTIONS_MAX 32

struct option {
    const char *name;
    const char *value;
    bool used;
};

static char text[COMMAND_LINE_MAX];
static struct option options[OPTIONS_MAX];
static unsigned options_count;
static const char *command = "";

/* Takes a word, whose "=" becomes the end of the name. */
static void take(char *word)
{
    for (char *at = word; *at != '\0'; at++) {
        if (*at != '=')
            continue;
        if (options_count == OPTIONS_MAX)
            fail("too many options");
        *at = '\0';
        options[options_count++] = (struct option){.name = word, .value = at + 1};
        return;
    }
    /* A loader may put the name of the kernel's file in front (QEMU does for multiboot): the last word wins. */
    command = word;
}

void options_read(const char *command_line)
{
    char *word = text;
    size_t length = 0;
    while (command_line[length] != '\0') {
        if (length == COMMAND_LINE_MAX - 1)
            fail("the command line is too long");
        text[length] = command_line[length];
        length++;
    }
    for (size_t i = 0; i <= length; i++) {
        if (text[i] != ' ' && text[i] != '\0')
            continue;
        text[i] = '\0';
        if (*word != '\0')
            take(word);
        word = text + i + 1;
    }
}

const char *options_command(void)
{
    return command;
}

const char *option_text(const char *name, const char *otherwise)
{
    for (unsigned i = 0; i < options_count; i++) {
        if (text_equals(options[i].name, name)) {
            options[i].used = true;
            return options[i].value;
        }
    }
    return otherwise;
}

uint64_t option_number(const char *name, uint64_t otherwise)
{
    uint64_t value;
    const char *given = option_text(name, NULL);
    if (given == NULL)
        return otherwise;
    if (!parse_number(given, &value)) {
        print_text(name);
        fail(": not a number");
    }
    return value;
}

void options_check_all_used(void)
{
    for (unsigned i = 0; i < options_count; i++) {
        if (!options[i].used) {
            print_text(options[i].name);
            fail(": unknown option");
        }
    }
}
