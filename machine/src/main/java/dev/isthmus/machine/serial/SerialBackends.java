// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.serial;

/** Opens the backends that configurations ask for. */
public final class SerialBackends {
    private SerialBackends() {}

    /**
     * Opens what a serial line is connected to. Any thread.
     *
     * @return a backend to be given to a {@link Uart16550}, or closed
     * @throws dev.isthmus.machine.VmException if it can't be opened
     */
    public static SerialBackend open(SerialConfig config) {
        // Not a pattern switch, whose bootstrap costs milliseconds before the guest's first instruction.
        if (config instanceof SerialConfig.Stdio stdio) {
            return StdioSerial.open(stdio);
        }
        if (config instanceof SerialConfig.Pty) {
            return PtySerial.open();
        }
        if (config instanceof SerialConfig.ToFile file) {
            return FileSerial.open(file.path());
        }
        if (config instanceof SerialConfig.UnixSocket socket) {
            return UnixSocketSerial.open(socket.path());
        }
        if (config instanceof SerialConfig.Custom custom) {
            return custom.backend();
        }
        return new NullSerial();
    }
}
