// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot.payload;
final class ZstdDecoder {
    ZstdDecoder(byte[] payload, UnpackBuffer target) {}
    void decode() throws MalformedPayloadException { throw new MalformedPayloadException("not yet"); }
}
