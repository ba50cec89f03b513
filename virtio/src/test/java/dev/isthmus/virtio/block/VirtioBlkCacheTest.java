// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.block;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import dev.isthmus.block.BlockRequest;
import dev.isthmus.testing.block.MemoryBlockBackend;
import dev.isthmus.testing.virtio.VirtioRig;

import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_F_CONFIG_WCE;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_F_FLUSH;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_F_WRITE_ZEROES;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_S_OK;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_T_OUT;
import static dev.isthmus.virtio.block.VirtioBlkProtocol.VIRTIO_BLK_T_WRITE_ZEROES;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

/** When writes are stable: virtio 1.2, sections 5.2.5.2 and 5.2.6.2, over every transport. */
@ParameterizedClass
@EnumSource(VirtioRig.Carrier.class)
class VirtioBlkCacheTest {
    private static final int SECTOR = VirtioBlkProtocol.SECTOR_BYTES;
    private static final int WRITEBACK = 32;

    private final MemoryBlockBackend disk = MemoryBlockBackend.withZeroes(64 * SECTOR);
    private final VirtioRig.Carrier carrier;

    VirtioBlkCacheTest(VirtioRig.Carrier carrier) {
        this.carrier = carrier;
    }

    private BlkTestRig rig(boolean writeback, long features) {
        BlkTestRig rig = new BlkTestRig(
                carrier,
                disk,
                BlockRequest::run,
                new VirtioBlkOptions("", 1, BlkTestRig.QUEUE_SIZE).withWriteback(writeback));
        rig.bringUp(features);
        return rig;
    }

    /** Writes a sector; tells whether it was stable when the write completed. */
    private boolean writesStably(BlkTestRig rig) {
        int before = disk.flushes();
        assertEquals(VIRTIO_BLK_S_OK, rig.request(VIRTIO_BLK_T_OUT, 0, SECTOR));
        return disk.flushes() > before;
    }

    @ParameterizedTest
    @CsvSource({
        // configured, FLUSH, CONFIG_WCE: writeback, stable
        "true,  false, false, 0, true",
        "true,  true,  false, 1, false",
        "true,  false, true,  0, true",
        "true,  true,  true,  1, false",
        "false, false, false, 0, true",
        "false, true,  false, 0, true",
        "false, false, true,  0, true",
        "false, true,  true,  0, true",
    })
    void writesAreStableAsTheFeaturesSay(boolean configured, boolean flush, boolean wce, int writeback, boolean stable) {
        // 5.2.5.2: "If CONFIG_WCE is negotiated but FLUSH is not, the device MUST initialize writeback to 0."
        // 5.2.6.2: writes are stable where neither was negotiated, or writeback is 0.
        BlkTestRig rig = rig(configured, (flush ? VIRTIO_BLK_F_FLUSH : 0) | (wce ? VIRTIO_BLK_F_CONFIG_WCE : 0));

        assertEquals(writeback, rig.driver.readConfig(WRITEBACK, 1));
        assertEquals(stable, writesStably(rig));
    }

    @Test
    void driverSwitchesTheCacheWhileTheDiskIsInUse() {
        // 5.2.5.1: "the driver MAY switch to writethrough or writeback mode by writing respectively 0 and 1".
        BlkTestRig rig = rig(true, VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_CONFIG_WCE | VIRTIO_BLK_F_WRITE_ZEROES);

        rig.driver.writeConfig(WRITEBACK, 1, 0);
        assertEquals(0, rig.driver.readConfig(WRITEBACK, 1));
        assertEquals(true, writesStably(rig));
        rig.writeSegment(0, 0, 1, 0);
        int before = disk.flushes();
        assertEquals(
                VIRTIO_BLK_S_OK, rig.request(VIRTIO_BLK_T_WRITE_ZEROES, 0, VirtioBlkProtocol.SEGMENT_BYTES));
        assertEquals(before + 1, disk.flushes());

        rig.driver.writeConfig(WRITEBACK, 1, 1);
        assertEquals(1, rig.driver.readConfig(WRITEBACK, 1));
        assertEquals(false, writesStably(rig));
    }

    @Test
    void cacheIsAsConfiguredAfterAReset() {
        BlkTestRig rig = rig(true, VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_CONFIG_WCE);
        rig.driver.writeConfig(WRITEBACK, 1, 0);

        rig.bringUp(VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_CONFIG_WCE);

        assertEquals(1, rig.driver.readConfig(WRITEBACK, 1));
        assertEquals(false, writesStably(rig));
    }

    @Test
    void writesToTheConfigurationThatMeanNothingAreIgnored() {
        BlkTestRig plain = rig(true, VIRTIO_BLK_F_FLUSH);
        plain.driver.writeConfig(WRITEBACK, 1, 0);
        assertEquals(1, plain.driver.readConfig(WRITEBACK, 1), "not negotiated");

        BlkTestRig rig = rig(true, VIRTIO_BLK_F_FLUSH | VIRTIO_BLK_F_CONFIG_WCE);
        long capacity = rig.driver.readConfig(0, 4);
        for (int offset = 0; offset < 64; offset++) {
            if (offset != WRITEBACK) {
                rig.driver.writeConfig(offset, 1, 0xff);
            }
            rig.driver.writeConfig(offset, 2, 0);
            rig.driver.writeConfig(offset, 4, 0);
        }
        assertEquals(1, rig.driver.readConfig(WRITEBACK, 1));
        assertEquals(capacity, rig.driver.readConfig(0, 4));
    }

    @Test
    void flushIsOfferedWithConfigWce() {
        // 5.2.5.2: "MUST offer it if they offer VIRTIO_BLK_F_CONFIG_WCE".
        long features = rig(true, 0).driver.deviceFeatures();

        assertNotEquals(0, features & VIRTIO_BLK_F_CONFIG_WCE);
        assertNotEquals(0, features & VIRTIO_BLK_F_FLUSH);
    }
}
