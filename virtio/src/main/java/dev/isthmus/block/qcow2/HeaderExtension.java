// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.block.qcow2;

import java.util.Arrays;

/** A header extension: its type and data. */
record HeaderExtension(int type, byte[] data) {
    @Override
    public boolean equals(Object other) {
        return other instanceof HeaderExtension(int otherType, byte[] otherData)
                && type == otherType
                && Arrays.equals(data, otherData);
    }

    @Override
    public int hashCode() {
        return 31 * type + Arrays.hashCode(data);
    }

    @Override
    public String toString() {
        return "extension 0x" + Integer.toHexString(type) + " of " + data.length + " bytes";
    }
}
