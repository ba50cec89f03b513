// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot.payload;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;

import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

class GzipTest {
    private static final int HEADER_BYTES = 10;

    @Test
    void optionalHeaderFieldsAreSkipped() throws Exception {
        byte[] data = Packer.programLike(5000, 1);
        byte[] plain = Packer.pack(PayloadFormat.GZIP, data);
        byte[] header = Arrays.copyOf(plain, HEADER_BYTES);
        // FEXTRA, FNAME, FCOMMENT and FHCRC.
        header[3] = 0x1e;
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        packed.writeBytes(header);
        packed.writeBytes(new byte[] {3, 0, 'x', 'y', 'z', 'n', 0, 'c', 'o', 0, 1, 2});
        packed.write(plain, HEADER_BYTES, plain.length - HEADER_BYTES);

        try (UnpackBuffer buffer = new UnpackBuffer(packed.size(), data.length)) {
            PayloadFormat.GZIP.unpack(packed.toByteArray(), buffer);

            assertEquals(data.length, buffer.lengthBytes());
        }
    }

    @Test
    void headerThatNeverEndsIsRefused() {
        byte[] packed = new byte[30];
        Arrays.fill(packed, (byte) 'n');
        packed[0] = 0x1f;
        packed[1] = (byte) 0x8b;
        packed[2] = 8;
        packed[3] = 0x08;

        assertRefused(packed, 100);
        packed[3] = 0x04;
        packed[10] = (byte) 0xff;
        packed[11] = (byte) 0xff;
        assertRefused(packed, 100);
    }

    @Test
    void wrongChecksumIsRefused() {
        byte[] packed = Packer.pack(PayloadFormat.GZIP, new byte[100]);
        packed[packed.length - 8] ^= 1;

        assertRefused(packed, 100);
    }

    private static void assertRefused(byte[] packed, int limitBytes) {
        try (UnpackBuffer buffer = new UnpackBuffer(packed.length, limitBytes)) {
            assertThrows(MalformedPayloadException.class, () -> PayloadFormat.GZIP.unpack(packed, buffer));
        }
    }
}
