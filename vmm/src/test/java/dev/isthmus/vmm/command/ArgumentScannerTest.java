// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

class ArgumentScannerTest {
    /** What users and shells make of arguments, and a little worse. */
    private static final String[] WORDS = {
        "--kernel", "--kernel=a", "--kernel=a=b", "--kernel=", "--initrd", "--cmdline", "--cmdline=x y", "--disk",
        "--disk=path=a,,b", "--no-reboot", "--no-reboot=true", "--verbose", "--memory", "--memory=128M", "--cpu",
        "host,-avx,+sse", "-h", "--help", "-V", "--version", "--", "-", "", " ", "a", "/b c", "@file", "@", "'quoted'",
        "\"quoted\"", "--unknown", "--kern", "=", "-x", "${user.home}", "$x", "%d", "ä€", "a=b", "run", "demo", "5"
    };

    @Test
    void findsTheSameAsPicocliInEveryLineThatItAccepts() {
        Random random = new Random(20261122);
        int accepted = 0;
        for (int round = 0; round < 20_000; round++) {
            List<String> words = new ArrayList<>(List.of("run"));
            for (int i = random.nextInt(7); i > 0; i--) {
                words.add(WORDS[random.nextInt(WORDS.length)]);
            }
            String[] args = words.toArray(new String[0]);

            Arguments scanned = ArgumentScanner.scan(args, CommandOptions.RUN);

            if (scanned != null) {
                accepted++;
                assertEquals(PicocliCommands.parse(args), scanned, words::toString);
            }
        }
        assertTrue(accepted > 1000, "only " + accepted + " lines were accepted, which proves little");
    }

    @Test
    void readsAFullLineByItself() {
        Arguments arguments = Objects.requireNonNull(
                scan("run", "--kernel", "vmlinux", "--disk=path=a", "--disk", "path=b", "--no-reboot"));

        assertNotNull(arguments);
        assertEquals("vmlinux", arguments.value(CommandOptions.KERNEL));
        assertEquals(List.of("path=a", "path=b"), arguments.values(CommandOptions.DISK));
        assertTrue(arguments.has(CommandOptions.NO_REBOOT));
        assertNull(arguments.value(CommandOptions.MEMORY));
    }

    @ParameterizedTest
    @ValueSource(strings = {"--help", "--kernel", "--kernel=", "vmlinux", "--kern=x", "--no-reboot=true", "--", "-h"})
    void leavesEverythingElseToPicocli(String word) {
        assertNull(scan("run", word));
    }

    @Test
    void leavesARepeatedOptionToPicocli() {
        assertNull(scan("run", "--kernel", "a", "--kernel", "b"));
        assertNull(scan("run", "--no-reboot", "--no-reboot"));
    }

    private static @Nullable Arguments scan(String... args) {
        return ArgumentScanner.scan(args, CommandOptions.RUN);
    }
}
