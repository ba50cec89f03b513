// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.isthmus.kvm.generated.Linux;
import dev.isthmus.kvm.linux.Epoll;
import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.FileCalls;
import dev.isthmus.kvm.linux.FileData;
import dev.isthmus.kvm.linux.HostFile;
import dev.isthmus.kvm.linux.Signals;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

/**
 * Constants written by hand, because {@code switch} or the public API needs them, against the generated ones.
 */
class ConstantsTest {
    /** Names that are ours and not the headers'. */
    private static final Set<String> OURS =
            Set.of("MAX_ENTRIES", "MAX_DATA_WORDS", "ANY_LENGTH", "DEFAULT_PATH", "FOREVER");

    @ParameterizedTest
    @ValueSource(
            classes = {
                ExitReason.class,
                KvmCap.class,
                Kvm.class,
                VmFd.class,
                VcpuFd.class,
                KvmRun.class,
                KvmVcpuEvents.class,
                KvmIrqchip.class,
                KvmClock.class,
                KvmGuestDebug.class,
                CpuidTable.class,
                Epoll.class,
                Errno.class,
                FileCalls.class,
                FileData.class,
                HostFile.class
            })
    void everyPublicConstantHasTheHeadersValue(Class<?> type) throws ReflectiveOperationException {
        List<String> checked = new ArrayList<>();
        for (Field field : type.getDeclaredFields()) {
            int wanted = Modifier.PUBLIC | Modifier.STATIC | Modifier.FINAL;
            if ((field.getModifiers() & wanted) == wanted && !OURS.contains(field.getName())) {
                assertEquals(header(field.getName()), field.getLong(null), field.getName());
                checked.add(field.getName());
            }
        }
        assertNotEquals(List.of(), checked, "no constant was compared");
    }

    private static long header(String name) throws ReflectiveOperationException {
        return ((Number) Linux.class.getMethod(name).invoke(null)).longValue();
    }

    @Test
    void kickSignalIsSigurg() {
        assertEquals(Linux.SIGURG(), Signals.KICK_SIGNAL);
    }

    @Test
    void everyExitReasonOfTheHeadersHasItsName() throws ReflectiveOperationException {
        Set<String> missing = new TreeSet<>();
        for (var method : Linux.class.getMethods()) {
            String name = method.getName();
            boolean isReason = name.startsWith("KVM_EXIT_") && !name.startsWith("KVM_EXIT_IO_");
            if (isReason && !ExitReason.name((int) header(name)).equals(name)) {
                missing.add(name);
            }
        }
        assertEquals(Set.of(), missing);
    }

    @Test
    void unknownExitReasonIsNamedByItsNumber() {
        assertEquals("KVM_EXIT 99", ExitReason.name(99));
    }
}
