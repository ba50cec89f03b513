// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

/** What became of a request, for whoever counts. To be used again; owned by one thread at a time. */
public final class FuseOutcome {
    private int opcode;
    private int error;
    private long payloadBytes;
    private long usedBytes;

    /** Of no request at first. */
    public FuseOutcome() {}

    void begin() {
        opcode = 0;
        error = 0;
        payloadBytes = 0;
        usedBytes = 0;
    }

    void setOpcode(int newOpcode) {
        opcode = newOpcode;
    }

    void setError(int newError) {
        error = newError;
    }

    void setPayloadBytes(long newPayloadBytes) {
        payloadBytes = newPayloadBytes;
    }

    void setUsedBytes(long newUsedBytes) {
        usedBytes = newUsedBytes;
    }

    /** Returns what was asked for: any 32-bit value of the client's. */
    public int opcode() {
        return opcode;
    }

    /** Returns the error number, 0 for success. */
    public int error() {
        return error;
    }

    /** Returns how much a READ or WRITE transferred, in bytes; 0 for all others. */
    public long payloadBytes() {
        return payloadBytes;
    }

    /** Returns how many device-writable bytes of the chain were filled, from the first on. */
    public long usedBytes() {
        return usedBytes;
    }
}
