// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;

class EscapeFilterTest {
    private final List<String> acted = new ArrayList<>();
    private final EscapeFilter filter = new EscapeFilter(new EscapeFilter.Actions() {
        @Override
        public void quit() {
            acted.add("quit");
        }

        @Override
        public void help() {
            acted.add("help");
        }
    });

    /** Returns what the guest gets for typed characters, a break as #. */
    private String type(String typed) {
        StringBuilder guest = new StringBuilder();
        for (int i = 0; i < typed.length(); i++) {
            int result = filter.filter(typed.charAt(i));
            if (result < EscapeFilter.FIRST_EVENT) {
                guest.append((char) result);
            } else if (result == EscapeFilter.BREAK) {
                guest.append('#');
            }
        }
        return guest.toString();
    }

    @Test
    void allCharactersButCtrlAPass() {
        for (char c = 0; c < 256; c++) {
            if (c != 1) {
                assertEquals(String.valueOf(c), type(String.valueOf(c)));
            }
        }
    }

    @Test
    void keysActAndAreNotSent() {
        assertEquals("ab", type("a\1xb\1h\1?"));

        assertEquals(List.of("quit", "help", "help"), acted);
    }

    @Test
    void ctrlATwiceSendsOne() {
        assertEquals("\1x\1", type("\1\1x\1\1"));

        assertEquals(List.of(), acted);
    }

    @Test
    void breakIsSentAndUnknownKeysAreSwallowed() {
        assertEquals("a#c", type("a\1b\1zc"));
    }
}
