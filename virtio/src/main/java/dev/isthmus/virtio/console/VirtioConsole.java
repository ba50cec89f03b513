// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.console;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicIntegerArray;

import org.jspecify.annotations.Nullable;

import dev.isthmus.device.BottomHalf;
import dev.isthmus.device.EventLoop;
import dev.isthmus.device.FaultLog;
import dev.isthmus.virtio.Activation;
import dev.isthmus.virtio.ActiveDevice;
import dev.isthmus.virtio.ConfigSpace;
import dev.isthmus.virtio.Statistics;
import dev.isthmus.virtio.VirtioDevice;
import dev.isthmus.virtio.VirtioIds;

/**
 * The virtio console device (virtio 1.2, section 5.3) as the guest sees it before it drives it. The backends stay their
 * makers': they must outlive the device's last reset.
 *
 * <p>A device whose only port is a console without a name does without VIRTIO_CONSOLE_F_MULTIPORT: every driver knows how
 * to drive it, and finds its size in the configuration space.
 */
public final class VirtioConsole implements VirtioDevice {
    /** Most ports: with the control queues there are as many queues as transports carry. */
    public static final int PORTS_MAX = (QUEUE_COUNT_LIMIT - 2) / 2;

    private static final int SIZE_MAX = 0xffff;
    private static final int U8_MASK = 0xff;

    private final VirtioConsoleOptions options;
    private final FaultLog faults;
    private final PortLine[] ports;
    private final boolean multiport;
    private final ConfigSpace config;
    private final ConsoleStatistics statistics = new ConsoleStatistics();
    private final EmergencyOutput emergency;

    /** For each port what {@link #resize} was last given: columns in the high half, rows in the low one. */
    private final AtomicIntegerArray sizes;

    private final BottomHalf sizesCame;

    /** Loop thread only. */
    private @Nullable ActiveConsole active;

    /**
     * Makes a device and has the loop attach the backends to it.
     *
     * @param configured the ports, by their numbers, 1 to {@link #PORTS_MAX}
     * @param options the rest
     * @param loop the loop that will own the device
     * @param name how log messages call it, such as "virtio-console 0"
     */
    public VirtioConsole(
            List<ConsolePort> configured, VirtioConsoleOptions options, EventLoop loop, String name) {
        if (configured.isEmpty() || configured.size() > PORTS_MAX) {
            throw new IllegalArgumentException("a console device has 1 to " + PORTS_MAX + " ports");
        }
        this.options = options;
        this.faults = new FaultLog(name);
        this.ports = new PortLine[configured.size()];
        for (int i = 0; i < ports.length; i++) {
            ports[i] = new PortLine(i, configured.get(i), this::messageDue);
        }
        ConsolePort first = configured.getFirst();
        this.multiport = ports.length > 1 || !first.console() || !first.name().isEmpty();
        this.sizes = new AtomicIntegerArray(ports.length);
        this.config = new ConfigSpace(describe());
        this.sizesCame = loop.newBottomHalf(this::applySizes);
        this.emergency = new EmergencyOutput(first.backend(), loop, statistics);
        loop.call(() -> attach(loop));
    }

    private void attach(EventLoop loop) {
        for (PortLine port : ports) {
            port.backend.attach(loop, port.number == 0 ? new FirstPort(port) : port);
        }
    }

    private byte[] describe() {
        ByteBuffer bytes =
                ByteBuffer.allocate(VirtioConsoleProtocol.CONFIG_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putShort(VirtioConsoleProtocol.CONFIG_COLS, (short) ports[0].cols());
        bytes.putShort(VirtioConsoleProtocol.CONFIG_ROWS, (short) ports[0].rows());
        bytes.putInt(VirtioConsoleProtocol.CONFIG_MAX_NR_PORTS, multiport ? ports.length : 0);
        return bytes.array();
    }

    @Override
    public int deviceId() {
        return VirtioIds.VIRTIO_ID_CONSOLE;
    }

    @Override
    public long offeredFeatures() {
        return VirtioConsoleProtocol.VIRTIO_CONSOLE_F_SIZE
                | VirtioConsoleProtocol.VIRTIO_CONSOLE_F_EMERG_WRITE
                | (multiport ? VirtioConsoleProtocol.VIRTIO_CONSOLE_F_MULTIPORT : 0);
    }

    @Override
    public boolean offersPackedQueues() {
        return options.packed();
    }

    @Override
    public int queueCount() {
        return multiport ? 2 * ports.length + 2 : VirtioConsoleProtocol.QUEUE_COUNT_SINGLE;
    }

    @Override
    public int queueSizeMax(int queueIndex) {
        return options.queueSizeMax();
    }

    @Override
    public ConfigSpace config() {
        return config;
    }

    /** Takes a character at emerg_wr, at any time, from any driver (5.3.5.1). */
    @Override
    public void writeConfig(long offset, int sizeBytes, long value) {
        if (offset == VirtioConsoleProtocol.CONFIG_EMERG_WR) {
            emergency.put((int) value & U8_MASK);
        }
    }

    @Override
    public Statistics statistics() {
        return statistics;
    }

    @Override
    public ActiveDevice activate(Activation activation) {
        ConsoleSession session = new ConsoleSession(activation, statistics, faults);
        ActiveConsole activated = new ActiveConsole(session, ports, this::closed);
        active = activated;
        return activated;
    }

    private void closed() {
        active = null;
    }

    // What the machine does with the device.

    /**
     * Sets the size of a console, as of a terminal's window; the driver is told. Any thread; allocates nothing.
     *
     * @param port its number
     * @param cols columns, 0 to 65535; 0 for unknown
     * @param rows rows, likewise
     */
    public void resize(int port, int cols, int rows) {
        if (cols < 0 || cols > SIZE_MAX || rows < 0 || rows > SIZE_MAX) {
            throw new IllegalArgumentException("a console's size is from 0 to 65535");
        }
        sizes.set(Objects.checkIndex(port, ports.length), cols << Short.SIZE | rows);
        sizesCame.schedule();
    }

    private void applySizes() {
        for (PortLine port : ports) {
            port.setSize(sizes.get(port.number));
        }
        int before = config.generation();
        config.replace(describe());
        ActiveConsole current = active;
        if (current != null && config.generation() != before) {
            current.configChanged();
        }
    }

    /**
     * Takes a port away from the guest, or gives it back, by VIRTIO_CONSOLE_DEVICE_REMOVE and _ADD; all ports are there at
     * first. Only with more than one port. Loop thread.
     *
     * @param port its number, from 1: drivers expect that there is a port 0
     */
    public void setPlugged(int port, boolean plugged) {
        Objects.checkIndex(port - 1, ports.length - 1);
        ports[port].setPlugged(plugged);
    }

    private void messageDue() {
        ActiveConsole current = active;
        if (current != null) {
            current.messagesDue();
        }
    }

    /** Port 0 as its backend sees it: what a dying kernel says goes first. */
    private final class FirstPort implements ConsoleBackend.Port {
        private final PortLine line;

        FirstPort(PortLine line) {
            this.line = line;
        }

        @Override
        public int receiveRoom() {
            return line.receiveRoom();
        }

        @Override
        public void receive(MemorySegment source, long offset, int lengthBytes) {
            line.receive(source, offset, lengthBytes);
        }

        @Override
        public void transmitReady() {
            emergency.flush();
            line.transmitReady();
        }

        @Override
        public void setHostOpen(boolean open) {
            line.setHostOpen(open);
        }
    }
}
