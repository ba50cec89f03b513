// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.transport;

import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.isthmus.virtio.Activation;
import dev.isthmus.virtio.ActiveDevice;
import dev.isthmus.virtio.ConfigSpace;
import dev.isthmus.virtio.Statistics;
import dev.isthmus.virtio.VirtioDevice;
import dev.isthmus.virtio.VirtioFeatures;
import dev.isthmus.virtio.queue.Virtqueue;

/** A device with two queues that writes down what the transport does with it. */
final class RecordingDevice implements VirtioDevice {
    static final int DEVICE_ID = 42;
    static final long FEATURE = 1L << 3;
    static final long DEPENDENT_FEATURE = 1L << 50;
    static final int QUEUE_SIZE_MAX = 16;

    final List<String> calls = new ArrayList<>();
    final ConfigSpace config = new ConfigSpace(new byte[] {1, 2, 3, 4, 5, 6, 7, 8});
    @Nullable Activation activation;
    final @Nullable Virtqueue[] queues = new Virtqueue[2];

    /** Whether requests are in flight that take as long as the test wants. */
    boolean slow;

    private final boolean packed;

    private final List<Runnable> ending = new ArrayList<>();

    RecordingDevice() {
        this(false);
    }

    RecordingDevice(boolean packed) {
        this.packed = packed;
    }

    /** Has the requests in flight end, and with them what waits for them. */
    void endRequests() {
        slow = false;
        List<Runnable> ended = List.copyOf(ending);
        ending.clear();
        ended.forEach(Runnable::run);
    }

    List<String> takeCalls() {
        List<String> taken = List.copyOf(calls);
        calls.clear();
        return taken;
    }

    @Override
    public int deviceId() {
        return DEVICE_ID;
    }

    @Override
    public long offeredFeatures() {
        return FEATURE | DEPENDENT_FEATURE;
    }

    @Override
    public boolean offersPackedQueues() {
        return packed;
    }

    @Override
    public boolean acceptsFeatures(long features) {
        return (features & DEPENDENT_FEATURE) == 0 || (features & FEATURE) != 0;
    }

    @Override
    public int queueCount() {
        return 2;
    }

    @Override
    public int queueSizeMax(int queueIndex) {
        return QUEUE_SIZE_MAX;
    }

    @Override
    public ConfigSpace config() {
        return config;
    }

    @Override
    public void writeConfig(long offset, int sizeBytes, long value) {
        calls.add("config " + offset + " " + sizeBytes + " " + value);
    }

    @Override
    public Statistics statistics() {
        return _ -> {};
    }

    @Override
    public ActiveDevice activate(Activation newActivation) {
        calls.add("activate 0x" + Long.toHexString(newActivation.features() & ~VirtioFeatures.VIRTIO_F_VERSION_1));
        activation = newActivation;
        return new Active();
    }

    private final class Active implements ActiveDevice {
        @Override
        public void startQueue(int queueIndex, Virtqueue queue) {
            calls.add("start " + queueIndex + " " + queue.size());
            queues[queueIndex] = queue;
        }

        @Override
        public void queueNotified(int queueIndex) {
            calls.add("notified " + queueIndex);
        }

        @Override
        public void takeNoMore() {
            calls.add("take no more");
        }

        @Override
        public void stopQueue(int queueIndex, Runnable stopped) {
            calls.add("stop " + queueIndex);
            queues[queueIndex] = null;
            end(stopped);
        }

        @Override
        public void close(Runnable closed) {
            calls.add("close");
            end(closed);
        }

        private void end(Runnable ended) {
            if (slow) {
                ending.add(ended);
            } else {
                ended.run();
            }
        }
    }
}
