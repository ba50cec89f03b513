// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot.payload;

import java.nio.ByteBuffer;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/** gzip (RFC 1952), one member. Inflates straight into the target, which GZIPInputStream could not. */
final class Gzip {
    private static final int HEADER_BYTES = 10;
    private static final int TRAILER_BYTES = 8;
    private static final int CM_DEFLATE = 8;

    // Bits of FLG.
    private static final int FHCRC = 1 << 1;
    private static final int FEXTRA = 1 << 2;
    private static final int FNAME = 1 << 3;
    private static final int FCOMMENT = 1 << 4;
    private static final int RESERVED = 0xe0;

    private Gzip() {}

    static void unpack(byte[] payload, UnpackBuffer target) throws MalformedPayloadException {
        int start = skipHeader(payload);
        CRC32 crc = new CRC32();
        try (Inflater inflater = new Inflater(true)) {
            inflater.setInput(payload, start, payload.length - start);
            while (!inflater.finished()) {
                inflate(inflater, target, crc);
            }
            int trailer = payload.length - inflater.getRemaining();
            if (payload.length - trailer < TRAILER_BYTES) {
                throw new MalformedPayloadException("data ends early");
            }
            if (Bytes.u32(payload, trailer) != crc.getValue()) {
                throw new MalformedPayloadException("data has a wrong checksum");
            }
        } catch (DataFormatException e) {
            throw new MalformedPayloadException("data is damaged", e);
        }
    }

    private static void inflate(Inflater inflater, UnpackBuffer target, CRC32 crc)
            throws DataFormatException, MalformedPayloadException {
        if (target.lengthBytes() == target.limitBytes()) {
            // The end of the stream may be all that is left; one byte more is one too many.
            if (inflater.inflate(new byte[1]) != 0) {
                throw target.tooLong();
            }
        } else {
            ByteBuffer room = target.room();
            int count = inflater.inflate(room);
            crc.update(room.flip());
            target.filled(count);
        }
        if (!inflater.finished() && (inflater.needsInput() || inflater.needsDictionary())) {
            throw new MalformedPayloadException("data ends early");
        }
    }

    private static int skipHeader(byte[] payload) throws MalformedPayloadException {
        if (payload.length < HEADER_BYTES + TRAILER_BYTES || payload[2] != CM_DEFLATE || (payload[3] & RESERVED) != 0) {
            throw new MalformedPayloadException("header is damaged");
        }
        int flags = payload[3];
        int at = HEADER_BYTES;
        if ((flags & FEXTRA) != 0) {
            at += 2 + Bytes.u16(payload, at);
        }
        if ((flags & FNAME) != 0) {
            at = skipText(payload, at);
        }
        if ((flags & FCOMMENT) != 0) {
            at = skipText(payload, at);
        }
        if ((flags & FHCRC) != 0) {
            at += 2;
        }
        if (at > payload.length - TRAILER_BYTES) {
            throw new MalformedPayloadException("header is damaged");
        }
        return at;
    }

    private static int skipText(byte[] payload, int start) throws MalformedPayloadException {
        for (int at = start; at < payload.length; at++) {
            if (payload[at] == 0) {
                return at + 1;
            }
        }
        throw new MalformedPayloadException("header is damaged");
    }
}
