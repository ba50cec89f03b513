// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.vmm.command;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import static org.junit.jupiter.api.Assertions.assertEquals;

class ImageSizeTest {
    @ParameterizedTest
    @CsvSource({
        "0, 0 B",
        "1, 1 B",
        "999, 999 B",
        "1000, 0.977 KiB",
        "1024, 1 KiB",
        "10240, 10 KiB",
        "102400, 100 KiB",
        "1610612736, 1.5 GiB",
        "107341742080, 100 GiB",
        "107374182400, 100 GiB",
        "10737418240, 10 GiB",
        "21474836480, 20 GiB",
        "1098437885952, 0.999 TiB",
        "9223372036854775807, 8 EiB",
    })
    void sizeIsPrintedAsQemuImgDoes(long bytes, String text) {
        assertEquals(text, ImageSize.format(bytes));
    }
}
