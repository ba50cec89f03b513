// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.net;

import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** What a switch remembers of addresses. */
class ForwardingTableTest {
    private static final long MAC = NetTestRig.MAC.value();

    private final ForwardingTable table = new ForwardingTable();

    @Test
    void addressIsFoundWhereItWasSeenLast() {
        assertEquals(ForwardingTable.NONE, table.find(MAC, 0));
        table.learn(MAC, 3, 0);
        assertEquals(3, table.find(MAC, 0));

        table.learn(MAC, 0, 1);

        assertEquals(0, table.find(MAC, 1));
    }

    @Test
    void addressThatIsNotSeenForLongIsForgotten() {
        table.learn(MAC, 3, 0);
        table.learn(MAC, 3, 10_000_000_000L);

        assertEquals(3, table.find(MAC, 10_000_000_000L + ForwardingTable.AGE_NANOS));
        assertEquals(ForwardingTable.NONE, table.find(MAC, 10_000_000_001L + ForwardingTable.AGE_NANOS));
    }

    @Test
    void addressesOfAPortAreForgottenWithIt() {
        table.learn(MAC, 3, 0);
        table.learn(MAC + 1, 4, 0);

        table.forget(3);

        assertEquals(ForwardingTable.NONE, table.find(MAC, 0));
        assertEquals(4, table.find(MAC + 1, 0));
    }

    @Test
    void floodOfAddressesKeepsTheTableBoundedAndTheNewestFound() {
        for (int i = 0; i < 100_000; i++) {
            table.learn(MAC + i, 1, i);
            assertEquals(1, table.find(MAC + i, i));
        }
        int found = 0;
        for (int i = 0; i < 100_000; i++) {
            found += table.find(MAC + i, 100_000) == 1 ? 1 : 0;
        }
        assertTrue(found > 100 && found <= ForwardingTable.ENTRIES);
    }

    @Test
    void addressesThatThreadsLearnAtOnceAreFoundAtOneOfTheirPorts() throws InterruptedException {
        Thread[] threads = new Thread[3];
        for (int t = 0; t < threads.length; t++) {
            int port = t;
            threads[t] = Thread.ofPlatform().start(() -> {
                for (int i = 0; i < 200_000; i++) {
                    long mac = MAC + i % 7;
                    table.learn(mac, port, i);
                    int found = table.find(mac, i);
                    if (found < ForwardingTable.NONE || found > 2) {
                        throw new AssertionError("port " + found);
                    }
                }
            });
        }
        for (Thread thread : threads) {
            thread.join();
        }
        for (int i = 0; i < 7; i++) {
            table.learn(MAC + i, 5, 200_000);
            assertEquals(5, table.find(MAC + i, 200_000));
        }
    }
}
