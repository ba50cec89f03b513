// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.lang.reflect.Method;
import java.util.Set;

import org.junit.jupiter.api.Test;

import dev.isthmus.kvm.generated.Linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Names and texts of errors, and the exception made of them. */
class ErrnoTest {
    /** Constants that look like errors. */
    private static final Set<String> NO_ERRORS = Set.of("ECHO", "ECHONL");

    @Test
    void everyErrorOfTheHeadersHasItsName() throws ReflectiveOperationException {
        int compared = 0;
        for (Method method : Linux.class.getMethods()) {
            String name = method.getName();
            boolean isErrno = name.matches("E[A-Z0-9]+") && !name.startsWith("EPOLL");
            if (isErrno && !NO_ERRORS.contains(name)) {
                assertEquals(name, Errno.name((int) method.invoke(null)));
                compared++;
            }
        }
        assertTrue(compared > 120, "only " + compared + " errors were compared");
    }

    @Test
    void errorWithoutANameIsShownByItsNumber() {
        assertEquals("errno 4000", Errno.name(4000));
        assertEquals("Unknown error", Errno.text(4000));
        assertEquals("errno 0", Errno.name(0));
        assertEquals("errno -1", Errno.name(-1));
    }

    @Test
    void messageNamesCallArgumentAndError() {
        ErrnoException e = ErrnoException.of("KVM_SET_USER_MEMORY_REGION", "slot 0", -22);

        assertEquals("KVM_SET_USER_MEMORY_REGION(slot 0): EINVAL (Invalid argument)", e.getMessage());
        assertEquals("KVM_SET_USER_MEMORY_REGION", e.call());
        assertEquals("slot 0", e.argument());
        assertEquals(Errno.EINVAL, e.errno());
        assertEquals("EINVAL", e.errnoName());
    }
}
