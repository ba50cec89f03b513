// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.integration;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

import static org.junit.jupiter.api.Assertions.assertTrue;

/** What Linux guests run to send and to fetch something over TCP, and what they print of it. */
final class LinuxNetScript {
    /** What is sent: enough for segmentation, and little to compute where KVM emulates the guest's kernel. */
    static final int BYTES = 256 << 10;

    /** Serves a file, another one in each guest, at {@code /out}; prints its sum. */
    static final String SERVE = "date +%N > /tmp/salt; dd if=/bin/busybox bs=64k count=4 2>/dev/null | cat /tmp/salt - > /tmp/out; "
            + "echo sent=$(md5sum < /tmp/out); httpd -h /tmp; ";

    private LinuxNetScript() {}

    /** Fetches {@code /out} of a server and prints its sum; then waits until the server has a file {@code /done}. */
    static String fetchFrom(String address) {
        return "until wget -q -O /tmp/in http://" + address + "/out; do sleep 0.3; done; "
                + "echo received=$(md5sum < /tmp/in); "
                + "until wget -q -O /dev/null http://" + address + "/done; do sleep 0.3; done; ";
    }

    /** Returns a sum that a guest has printed. */
    static String sum(String console, String name) {
        Matcher matcher = Pattern.compile(name + "=([0-9a-f]{32})").matcher(console);
        assertTrue(matcher.find(), () -> "no " + name + ":\n" + console);
        return matcher.group(1);
    }
}
