// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.boot.payload;

/** A program that unpacks a frame where the native library can't be loaded; it says twice why it couldn't. */
final class ZstdFrameProgram {
    private ZstdFrameProgram() {}

    public static void main(String[] arguments) throws MalformedPayloadException {
        byte[] frame = {0x28, (byte) 0xb5, 0x2f, (byte) 0xfd, 0, 0x38, 0x09, 0, 0, 'a'};
        for (int i = 0; i < 2; i++) {
            try (UnpackBuffer target = new UnpackBuffer(frame.length, 1)) {
                ZstdFrame.unpack(frame, target);
                System.out.println("unpacked");
            } catch (LibraryUnavailableException e) {
                System.out.println(e.getMessage() + ". " + e.remedy());
            }
        }
    }
}
