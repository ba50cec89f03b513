// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot.payload;

import java.util.Arrays;

/**
 * Decodes one zstd frame without a dictionary, of any window size (RFC 8878). The window is kept on the Java heap: no
 * more of it than has been unpacked, however large the frame says it is.
 *
 * <pre>
 *  magic (4) | Frame_Header (2 to 14) | Data_Block ... | Content_Checksum (0 or 4)
 * </pre>
 */
final class ZstdDecoder {
    /** Block_Maximum_Size, where the window is not smaller. */
    static final int BLOCK_MAX_BYTES = 128 << 10;

    private static final int MAGIC_BYTES = 4;
    private static final int BLOCK_HEADER_BYTES = 3;
    private static final int CHECKSUM_BYTES = 4;
    private static final int WINDOW_START_BYTES = 4 << 20;

    // Bits of Frame_Header_Descriptor.
    private static final int SINGLE_SEGMENT = 1 << 5;
    private static final int RESERVED = 1 << 3;
    private static final int CONTENT_CHECKSUM = 1 << 2;
    private static final int DICTIONARY_ID = 3;

    // Block_Type.
    private static final int RAW_BLOCK = 0;
    private static final int RLE_BLOCK = 1;
    private static final int COMPRESSED_BLOCK = 2;

    private final byte[] in;
    private final UnpackBuffer target;
    private final ZstdLiterals literals = new ZstdLiterals();
    private final ZstdSequences sequences = new ZstdSequences();
    private final XxHash64 hash = new XxHash64();
    private int at = MAGIC_BYTES;
    private boolean hasChecksum;

    /** How far back matches may reach, but no more than there will be. */
    private int windowBytes;

    private byte[] window = new byte[0];
    private int windowLimitBytes;
    private int position;

    /**
     * Starts decoding.
     *
     * @param in the frame, its magic number checked
     * @param target takes the content, as much as its limit allows
     */
    ZstdDecoder(byte[] in, UnpackBuffer target) {
        this.in = in;
        this.target = target;
    }

    /** Decodes the frame. */
    void decode() throws MalformedPayloadException {
        try {
            readFrameHeader();
            while (!decodeBlock()) {
                // One block after the other, up to the last.
            }
            checkContent();
        } catch (IndexOutOfBoundsException e) {
            // The array accesses that are not checked beforehand: every one is within its array or ends here.
            throw new MalformedPayloadException("data is damaged", e);
        }
    }

    private void readFrameHeader() throws MalformedPayloadException {
        int descriptor = in[at++];
        if ((descriptor & RESERVED) != 0) {
            throw new MalformedPayloadException("header is damaged");
        }
        boolean singleSegment = (descriptor & SINGLE_SEGMENT) != 0;
        hasChecksum = (descriptor & CONTENT_CHECKSUM) != 0;
        long windowSize = 0;
        if (!singleSegment) {
            int windowDescriptor = in[at++] & 0xff;
            long base = 1L << (10 + (windowDescriptor >>> 3));
            windowSize = base + base / 8 * (windowDescriptor & 7);
        }
        if ((descriptor & DICTIONARY_ID) != 0) {
            throw new MalformedPayloadException("data needs a dictionary");
        }
        int sizeFlag = (descriptor & 0xff) >>> 6;
        if (sizeFlag != 0 || singleSegment) {
            long contentBytes = readContentSize(sizeFlag);
            if (contentBytes != target.limitBytes()) {
                throw new MalformedPayloadException("header names another size");
            }
            if (singleSegment) {
                windowSize = contentBytes;
            }
        }
        windowBytes = (int) Math.min(windowSize, target.limitBytes());
        windowLimitBytes =
                (int) Math.min(target.limitBytes() + BLOCK_MAX_BYTES, 2L * windowBytes + 2 * BLOCK_MAX_BYTES);
    }

    private long readContentSize(int flag) {
        int start = at;
        at += 1 << flag;
        return switch (flag) {
            case 0 -> in[start] & 0xff;
            case 1 -> Bytes.u16(in, start) + 256L;
            case 2 -> Bytes.u32(in, start);
            default -> Bytes.u64(in, start);
        };
    }

    /** Decodes a block and returns whether it was the last. */
    private boolean decodeBlock() throws MalformedPayloadException {
        if (in.length - at < BLOCK_HEADER_BYTES) {
            throw new MalformedPayloadException("data ends early");
        }
        int header = Bytes.u16(in, at) | (in[at + 2] & 0xff) << 16;
        at += BLOCK_HEADER_BYTES;
        int type = (header >>> 1) & 3;
        int sizeBytes = header >>> 3;
        int storedBytes = type == RLE_BLOCK ? 1 : sizeBytes;
        if (storedBytes > in.length - at) {
            throw new MalformedPayloadException("data ends early");
        }
        if (sizeBytes > BLOCK_MAX_BYTES) {
            throw new MalformedPayloadException("data is damaged");
        }
        makeRoom();
        int start = position;
        if (type == RAW_BLOCK) {
            System.arraycopy(in, at, window, position, sizeBytes);
            position += sizeBytes;
        } else if (type == RLE_BLOCK) {
            Arrays.fill(window, position, position + sizeBytes, in[at]);
            position += sizeBytes;
        } else if (type == COMPRESSED_BLOCK && sizeBytes > 0) {
            int end = at + sizeBytes;
            int sequencesStart = literals.read(in, at, end);
            position = sequences.execute(in, sequencesStart, end, literals, window, position);
        } else {
            throw new MalformedPayloadException("data is damaged");
        }
        at += storedBytes;
        target.put(window, start, position - start);
        if (hasChecksum) {
            hash.update(window, start, position - start);
        }
        return (header & 1) != 0;
    }

    /** Makes room for a block, by a larger array or by giving up what matches can't reach any more. */
    private void makeRoom() {
        if (window.length - position >= BLOCK_MAX_BYTES) {
            return;
        }
        if (window.length < windowLimitBytes) {
            long wanted = Math.max(WINDOW_START_BYTES, 2L * window.length);
            window = Arrays.copyOf(window, (int) Math.min(windowLimitBytes, wanted));
        }
        if (window.length - position < BLOCK_MAX_BYTES) {
            int kept = Math.min(position, windowBytes);
            System.arraycopy(window, position - kept, window, 0, kept);
            position = kept;
        }
    }

    private void checkContent() throws MalformedPayloadException {
        if (hasChecksum) {
            if (in.length - at < CHECKSUM_BYTES) {
                throw new MalformedPayloadException("data ends early");
            }
            if (Bytes.u32(in, at) != (hash.digest() & 0xffff_ffffL)) {
                throw new MalformedPayloadException("data has a wrong checksum");
            }
        }
    }
}
