// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.platform;

import java.util.Arrays;

import dev.isthmus.device.BusDevice;

/**
 * The PC's keyboard controller, without keyboard and mouse: kernels reset the machine through it.
 *
 * <p>Commands and bits follow the IBM PS/2 Hardware Interface Technical Reference ("Keyboard and Auxiliary Device
 * Controller"). Everything that a driver's probe asks is answered at once, so that a probe ends without waiting for time-outs:
 * self test passes, the auxiliary port's test reports a stuck clock (there is none), and bytes for the keyboard go
 * nowhere.
 *
 * <pre>
 *  offset 0  (port 0x60)  data: read the output buffer; write a command's parameter or a byte for the keyboard
 *  offset 4  (port 0x64)  read status; write command
 *  others                 read 0, write ignored (0x61 belongs to the timer, which the accelerator has)
 * </pre>
 */
public final class I8042 implements BusDevice {
    /** Ports from the data port up to and with the command port. */
    public static final int LENGTH_BYTES = 5;

    /** Offset of the data port. */
    public static final int DATA_OFFSET = 0;

    /** Offset of the status and command port. */
    public static final int COMMAND_OFFSET = 4;

    // Status register.
    private static final int STATUS_OUTPUT_BUFFER_FULL = 1;
    private static final int STATUS_SYSTEM_FLAG = 1 << 2;
    private static final int STATUS_LAST_WRITE_WAS_COMMAND = 1 << 3;
    private static final int STATUS_KEYBOARD_UNLOCKED = 1 << 4;

    // Commands.
    private static final int COMMAND_READ_RAM = 0x20;
    private static final int COMMAND_WRITE_RAM = 0x60;
    private static final int COMMAND_DISABLE_AUX = 0xa7;
    private static final int COMMAND_ENABLE_AUX = 0xa8;
    private static final int COMMAND_TEST_AUX = 0xa9;
    private static final int COMMAND_SELF_TEST = 0xaa;
    private static final int COMMAND_TEST_KEYBOARD = 0xab;
    private static final int COMMAND_DISABLE_KEYBOARD = 0xad;
    private static final int COMMAND_ENABLE_KEYBOARD = 0xae;
    private static final int COMMAND_READ_INPUT_PORT = 0xc0;
    private static final int COMMAND_READ_OUTPUT_PORT = 0xd0;
    private static final int COMMAND_WRITE_OUTPUT_PORT = 0xd1;
    private static final int COMMAND_WRITE_KEYBOARD_BUFFER = 0xd2;
    private static final int COMMAND_WRITE_AUX_BUFFER = 0xd3;
    private static final int COMMAND_WRITE_AUX = 0xd4;
    private static final int COMMAND_DISABLE_A20 = 0xdd;
    private static final int COMMAND_ENABLE_A20 = 0xdf;
    private static final int COMMAND_READ_TEST_INPUTS = 0xe0;
    private static final int COMMAND_PULSE_OUTPUT_PORT = 0xf0;

    private static final int SELF_TEST_PASSED = 0x55;
    private static final int TEST_CLOCK_STUCK_LOW = 0x01;
    private static final int TEST_PASSED = 0x00;
    private static final int INPUT_PORT_UNLOCKED = 0x80;

    // Command byte, RAM location 0.
    private static final int MODE_SYSTEM_FLAG = 1 << 2;
    private static final int MODE_DISABLE_KEYBOARD = 1 << 4;
    private static final int MODE_DISABLE_AUX = 1 << 5;
    private static final int RAM_BYTES = 32;

    // Output port.
    /** CPU reset line, active low. */
    private static final int OUTPUT_RESET_N = 1;
    private static final int OUTPUT_A20 = 1 << 1;
    private static final int OUTPUT_AT_RESET = 0xcc | OUTPUT_RESET_N | OUTPUT_A20;

    private static final int NO_COMMAND = -1;

    private final MachineControl control;
    private final Object lock = new Object();

    // All guarded by lock.
    private final int[] ram = new int[RAM_BYTES];
    private int status;
    private int outputBuffer;
    private int outputPort;

    /** The command whose parameter the next write to the data port is. */
    private int pendingCommand;

    /** Makes the device of a machine. */
    public I8042(MachineControl control) {
        this.control = control;
        resetLocked();
    }

    /** Takes the state after power-on. Any thread. */
    public void reset() {
        synchronized (lock) {
            resetLocked();
        }
    }

    private void resetLocked() {
        Arrays.fill(ram, 0);
        ram[0] = MODE_DISABLE_KEYBOARD | MODE_DISABLE_AUX;
        status = STATUS_KEYBOARD_UNLOCKED;
        outputBuffer = 0;
        // A20 is on: KVM has no gate, and what the guest reads should say so.
        outputPort = OUTPUT_AT_RESET;
        pendingCommand = NO_COMMAND;
    }

    @Override
    public long read(long offset, int sizeBytes) {
        synchronized (lock) {
            if (offset == DATA_OFFSET) {
                status &= ~STATUS_OUTPUT_BUFFER_FULL;
                return outputBuffer;
            }
            return offset == COMMAND_OFFSET ? status : 0;
        }
    }

    @Override
    public void write(long offset, int sizeBytes, long value) {
        boolean reset = false;
        int octet = (int) value & 0xff;
        synchronized (lock) {
            if (offset == DATA_OFFSET) {
                reset = writeData(octet);
            } else if (offset == COMMAND_OFFSET) {
                reset = writeCommand(octet);
            }
        }
        if (reset) {
            control.reset();
        }
    }

    /** Returns whether the machine is to be reset. */
    private boolean writeCommand(int command) {
        status |= STATUS_LAST_WRITE_WAS_COMMAND;
        pendingCommand = NO_COMMAND;
        if (command >= COMMAND_PULSE_OUTPUT_PORT) {
            // Bits 3:0 at 0 name the output lines to pulse; line 0 is the CPU's reset.
            return (command & OUTPUT_RESET_N) == 0;
        }
        if (command >= COMMAND_READ_RAM && command < COMMAND_READ_RAM + RAM_BYTES) {
            reply(ram[command - COMMAND_READ_RAM]);
            return false;
        }
        if (command >= COMMAND_WRITE_RAM && command < COMMAND_WRITE_RAM + RAM_BYTES) {
            pendingCommand = command;
            return false;
        }
        switch (command) {
            case COMMAND_DISABLE_AUX -> ram[0] |= MODE_DISABLE_AUX;
            case COMMAND_ENABLE_AUX -> ram[0] &= ~MODE_DISABLE_AUX;
            case COMMAND_TEST_AUX -> reply(TEST_CLOCK_STUCK_LOW);
            case COMMAND_SELF_TEST -> {
                status |= STATUS_SYSTEM_FLAG;
                reply(SELF_TEST_PASSED);
            }
            case COMMAND_TEST_KEYBOARD -> reply(TEST_PASSED);
            case COMMAND_DISABLE_KEYBOARD -> ram[0] |= MODE_DISABLE_KEYBOARD;
            case COMMAND_ENABLE_KEYBOARD -> ram[0] &= ~MODE_DISABLE_KEYBOARD;
            case COMMAND_READ_INPUT_PORT -> reply(INPUT_PORT_UNLOCKED);
            case COMMAND_READ_OUTPUT_PORT -> reply(outputPort);
            case COMMAND_WRITE_OUTPUT_PORT,
                    COMMAND_WRITE_KEYBOARD_BUFFER,
                    COMMAND_WRITE_AUX_BUFFER,
                    COMMAND_WRITE_AUX -> pendingCommand = command;
            case COMMAND_DISABLE_A20 -> outputPort &= ~OUTPUT_A20;
            case COMMAND_ENABLE_A20 -> outputPort |= OUTPUT_A20;
            case COMMAND_READ_TEST_INPUTS -> reply(0);
            default -> {
                // Unknown commands do nothing, as on the real controller.
            }
        }
        return false;
    }

    /** Returns whether the machine is to be reset. */
    private boolean writeData(int value) {
        status &= ~STATUS_LAST_WRITE_WAS_COMMAND;
        int command = pendingCommand;
        pendingCommand = NO_COMMAND;
        if (command >= COMMAND_WRITE_RAM && command < COMMAND_WRITE_RAM + RAM_BYTES) {
            int location = command - COMMAND_WRITE_RAM;
            ram[location] = value;
            if (location == 0) {
                status = (status & ~STATUS_SYSTEM_FLAG)
                        | ((value & MODE_SYSTEM_FLAG) != 0 ? STATUS_SYSTEM_FLAG : 0);
            }
            return false;
        }
        switch (command) {
            case COMMAND_WRITE_OUTPUT_PORT -> {
                outputPort = value;
                return (value & OUTPUT_RESET_N) == 0;
            }
            // The auxiliary buffer's byte comes back without the auxiliary flag, by which Linux knows at once that
            // there is no such port.
            case COMMAND_WRITE_KEYBOARD_BUFFER, COMMAND_WRITE_AUX_BUFFER -> reply(value);
            default -> {
                // For the keyboard or the mouse, which are not there.
            }
        }
        return false;
    }

    private void reply(int value) {
        outputBuffer = value & 0xff;
        status |= STATUS_OUTPUT_BUFFER_FULL;
    }
}
