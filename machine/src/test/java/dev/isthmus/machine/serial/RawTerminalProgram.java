// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

import java.nio.file.Path;

import dev.isthmus.kvm.linux.Fd;
import dev.isthmus.kvm.linux.HostFile;

/** A program that leaves its terminal raw: by an exception, or by waiting for a signal. */
final class RawTerminalProgram {
    private RawTerminalProgram() {}

    public static void main(String[] arguments) throws InterruptedException {
        Runtime.getRuntime().addShutdownHook(new Thread(RawTerminal::restoreAll));
        Fd terminal = Streams.open(Path.of(arguments[0]), HostFile.O_RDWR);
        RawTerminal.enter(terminal);
        if (arguments[1].equals("throw")) {
            throw new IllegalStateException("on purpose");
        }
        Thread.currentThread().join();
    }
}
