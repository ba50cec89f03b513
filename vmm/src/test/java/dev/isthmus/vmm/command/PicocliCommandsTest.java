// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

class PicocliCommandsTest {
    /** All commands, and the verbs of those that have some: "image create". */
    static List<String> commands() {
        List<String> names = new ArrayList<>();
        addCommands("", PicocliCommands.create(), names);
        return names;
    }

    private static void addCommands(String prefix, CommandLine parent, List<String> names) {
        parent.getSubcommands().forEach((name, command) -> {
            names.add(prefix + name);
            addCommands(prefix + name + " ", command, names);
        });
    }

    @Test
    void commandsAreThoseThatTheReadmeNames() {
        Set<String> named = Set.of(
                "run", "demo", "doctor", "completion", "help", "image", "image create", "image info", "image check",
                "image convert", "image snapshot", "image resize", "image rebase", "image commit");

        assertEquals(named, Set.copyOf(commands()));
    }

    @ParameterizedTest
    @MethodSource("commands")
    void everyCommandHasHelpInPlainAscii(String command) {
        String help = helpOf(command);

        assertTrue(help.contains("--help"), help);
        assertTrue(help.chars().allMatch(c -> c == '\n' || (c >= ' ' && c <= '~')), help);
    }

    @ParameterizedTest
    @ValueSource(strings = {"0 ", "odd", "2 ", "4 ", "6 ", "8 ", "34 ", "36 ", "38 ", "124 ", "129, 130, 143"})
    void helpOfRunShowsTheExitStatuses(String status) {
        String help = helpOf("run");
        String table = help.substring(help.indexOf("Exit status:"));

        assertTrue(table.contains("  " + status), table);
    }

    @Test
    void demoTakesAllBehindTheFirstWordForItsCommand() {
        Arguments bare = PicocliCommands.parse("demo", "--memory", "64M", "ls", "-l", "--memory");
        Arguments separated = PicocliCommands.parse("demo", "--memory", "64M", "--", "-x", "--", "y");

        assertEquals(List.of("ls", "-l", "--memory"), bare.operands());
        assertEquals("64M", bare.value(CommandOptions.MEMORY));
        assertEquals(List.of("-x", "--", "y"), separated.operands());
    }

    @Test
    void valuesAreNeverReadAsFilesOfArguments() {
        assertEquals("@boot", PicocliCommands.parse("run", "--cmdline", "@boot").value(CommandOptions.CMDLINE));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "run --kernle x|--kernle",
        "run --kernel|--kernel",
        "run extra|extra",
        "frobnicate|frobnicate",
        "run --kernel a --kernel b|--kernel",
    })
    void wrongArgumentsAreNamed(String line, String named) {
        CommandLine.ParameterException error = assertThrows(
                CommandLine.ParameterException.class, () -> PicocliCommands.create().parseArgs(line.split(" ", -1)));

        String message = PicocliCommands.wrongUsage(error);

        assertTrue(message.contains(named), message);
        assertTrue(message.contains("--help"), message);
        assertEquals(-1, message.indexOf('\n'), message);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "demmo|unknown command 'demmo'; did you mean 'demo'? See 'isthmus --help'",
        "image frob|unknown command 'image frob'; known: create, info, check, convert, snapshot, resize, rebase, commit;"
                + " see 'isthmus image --help'",
        "run --kernle|unknown option: '--kernle'; did you mean '--kernel'? See 'isthmus run --help'",
    })
    void wrongArgumentsGetWhatWasMeant(String line, String expected) {
        CommandLine.ParameterException error = assertThrows(
                CommandLine.ParameterException.class, () -> PicocliCommands.create().parseArgs(line.split(" ", -1)));

        assertEquals(expected, PicocliCommands.wrongUsage(error));
    }

    @Test
    void helpIsACommandToo() throws Exception {
        assertEquals(ExitStatus.OK, PicocliCommands.run(new String[] {"help"}));
        assertEquals(ExitStatus.OK, PicocliCommands.run(new String[] {"help", "run"}));
        assertEquals(ExitStatus.USAGE, PicocliCommands.run(new String[] {"help", "frobnicate"}));
    }

    @Test
    void completionKnowsCommandsOptionsAndFiles() {
        String script = PicocliCommands.completion(PicocliCommands.create(), "bash");

        assertTrue(script.contains("--kernel-format"), script);
        assertTrue(script.contains("demo"), script);
        assertTrue(script.contains("compgen -f"), script);
    }

    private static String helpOf(String command) {
        CommandLine found = PicocliCommands.create();
        for (String name : command.split(" ", -1)) {
            found = Objects.requireNonNull(found.getSubcommands().get(name));
        }
        return found.getUsageMessage();
    }
}
