// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.console;

import org.jspecify.annotations.Nullable;

import dev.isthmus.virtio.ActiveDevice;
import dev.isthmus.virtio.queue.Virtqueue;

import static dev.isthmus.virtio.console.VirtioConsoleProtocol.QUEUE_CONTROL_RECEIVE;
import static dev.isthmus.virtio.console.VirtioConsoleProtocol.QUEUE_CONTROL_TRANSMIT;

/**
 * A console device in use. Nothing is ever in flight beyond a call: backends touch the guest's memory only while they are
 * called, so that queues stop at once. Loop thread only.
 */
final class ActiveConsole implements ActiveDevice {
    private final ConsoleSession session;
    private final PortLine[] ports;
    private final Runnable whenClosed;
    private @Nullable ControlInput controlInput;
    private @Nullable ControlOutput controlOutput;
    private boolean broken;

    ActiveConsole(ConsoleSession session, PortLine[] ports, Runnable whenClosed) {
        this.session = session;
        this.ports = ports;
        this.whenClosed = whenClosed;
        for (PortLine port : ports) {
            port.start(session.multiport());
        }
    }

    private boolean isControl(int queueIndex) {
        return queueIndex == QUEUE_CONTROL_RECEIVE || queueIndex == QUEUE_CONTROL_TRANSMIT;
    }

    @Override
    public void startQueue(int queueIndex, Virtqueue queue) {
        if (queueIndex > VirtioConsoleProtocol.QUEUE_PORT0_TRANSMIT && !session.multiport()) {
            // Exists only with VIRTIO_CONSOLE_F_MULTIPORT (5.3.2).
            return;
        }
        if (queueIndex == QUEUE_CONTROL_RECEIVE) {
            controlOutput = new ControlOutput(queue, ports, session);
        } else if (queueIndex == QUEUE_CONTROL_TRANSMIT) {
            controlInput = new ControlInput(queue, ports, session, this::controlCame);
        } else {
            PortLine port = ports[VirtioConsoleProtocol.portOf(queueIndex)];
            if (queueIndex % 2 == 0) {
                port.setInput(new InputQueue(queueIndex, queue, session));
            } else {
                port.setOutput(new OutputQueue(queueIndex, queue, port.backend, session));
            }
        }
    }

    @Override
    public void queueNotified(int queueIndex) {
        assert session.activation().loop().inLoop();
        if (broken) {
            return;
        }
        if (isControl(queueIndex)) {
            controlCame();
            return;
        }
        PortLine port = ports[VirtioConsoleProtocol.portOf(queueIndex)];
        OutputQueue output = port.output();
        if (queueIndex % 2 == 0) {
            port.roomCame();
        } else if (output != null) {
            output.process();
        }
    }

    private void controlCame() {
        ControlInput messages = controlInput;
        if (messages != null && !broken) {
            messages.process();
        }
        messagesDue();
    }

    /** Tells the driver what is due, if it wants to know. */
    void messagesDue() {
        ControlOutput target = controlOutput;
        ControlInput source = controlInput;
        if (target != null && source != null && source.driverReady() && !broken) {
            target.process();
        }
    }

    /** Tells the driver that the configuration space has changed. */
    void configChanged() {
        if (session.activation().has(VirtioConsoleProtocol.VIRTIO_CONSOLE_F_SIZE) && !broken) {
            session.activation().driver().configChanged();
        }
    }

    @Override
    public void takeNoMore() {
        broken = true;
        for (PortLine port : ports) {
            port.takeNoMore();
            OutputQueue output = port.output();
            if (output != null) {
                output.stop();
            }
        }
        if (controlInput != null) {
            controlInput.stop();
        }
    }

    @Override
    public void stopQueue(int queueIndex, Runnable stopped) {
        assert session.activation().loop().inLoop();
        if (queueIndex == QUEUE_CONTROL_RECEIVE) {
            controlOutput = null;
        } else if (queueIndex == QUEUE_CONTROL_TRANSMIT) {
            if (controlInput != null) {
                controlInput.stop();
            }
            controlInput = null;
        } else {
            PortLine port = ports[VirtioConsoleProtocol.portOf(queueIndex)];
            if (queueIndex % 2 == 0) {
                port.setInput(null);
            } else {
                OutputQueue output = port.output();
                if (output != null) {
                    output.stop();
                }
                port.setOutput(null);
            }
        }
        stopped.run();
    }

    @Override
    public void close(Runnable closed) {
        assert session.activation().loop().inLoop();
        takeNoMore();
        controlInput = null;
        controlOutput = null;
        for (PortLine port : ports) {
            port.stop();
        }
        whenClosed.run();
        closed.run();
    }
}
