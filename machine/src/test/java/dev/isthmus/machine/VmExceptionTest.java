// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.isthmus.kvm.linux.Errno;
import dev.isthmus.kvm.linux.ErrnoException;
import dev.isthmus.machine.io.HostFaults;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

class VmExceptionTest {
    @ParameterizedTest
    @CsvSource({
        "'unable to create native thread: possibly out of memory or process/resource limits reached', ulimit -u",
        "Java heap space, -Xmx",
    })
    void errorsOfTheJvmHaveTheirOwnRemedies(String message, String remedy) {
        OutOfMemoryError error = new OutOfMemoryError(message);

        VmException fault = VmException.HostFault.of(error);

        assertTrue(fault.remedy().contains(remedy), fault::remedy);
        assertSame(error, fault.getCause());
    }

    @ParameterizedTest
    @CsvSource({
        Errno.EMFILE + ", ulimit -n",
        Errno.ENFILE + ", fs.file-max",
        Errno.ENOMEM + ", Free memory",
        Errno.EFBIG + ", ulimit -f",
        Errno.EAGAIN + ", ulimit -u",
    })
    void limitsOfTheHostHaveTheirRemedies(int errno, String remedy) {
        VmException fault = HostFaults.of("Can't do it", new ErrnoException("call", "argument", errno));

        assertTrue(String.valueOf(fault.getMessage()).startsWith("Can't do it: call(argument): E"), fault::getMessage);
        assertTrue(fault.remedy().contains(remedy), fault::remedy);
    }

    @Test
    void otherErrorsSpeakForThemselves() {
        VmException fault = HostFaults.of("Can't do it", new ErrnoException("call", "argument", Errno.EIO));

        assertEquals("", fault.remedy());
    }
}
