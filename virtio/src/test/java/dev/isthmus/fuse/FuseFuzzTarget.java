// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.fuse;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

import dev.isthmus.memory.GuestMemory;
import dev.isthmus.testing.fuse.FuseClient;
import dev.isthmus.testing.fuse.FuseRequest;
import dev.isthmus.testing.fuse.MemoryFolder;
import dev.isthmus.testing.fuzz.FuzzBounds;
import dev.isthmus.testing.fuzz.FuzzInput;
import dev.isthmus.testing.memory.FakeGuestMemory;
import dev.isthmus.testing.virtio.Buffer;
import dev.isthmus.testing.virtio.VirtioRig;
import dev.isthmus.virtio.fs.FsTask;
import dev.isthmus.virtio.fs.VirtioFs;
import dev.isthmus.virtio.fs.VirtioFsOptions;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Fuzzes FUSE requests over a device's queues: headers, arguments and chains of any contents, with requests carried out in
 * any order. The folder, which is strict, is asked only for what it has; everything is closed at a reset, and the device
 * works after it.
 *
 * <pre>
 *  input   read-only or not
 *  step    kind, then what it takes:
 *          0 … 3  a request: opcode, node, how it is made, room for the answer, arguments
 *          4      the oldest task; 5 the newest
 *          6      whether tasks are kept from now on
 *          7      a reset
 * </pre>
 */
public final class FuseFuzzTarget {
    private static final int STEPS_MAX = 500;
    private static final long ALLOCATED_BYTES_MAX = 256 << 20;
    private static final int SLOTS = 4;
    private static final int SLOT_BYTES = 0x1_0000;
    private static final int ARGUMENT_BYTES_MAX = 300;

    /** One for all inputs, since making it takes longer than most of them; what they use of it is zeroed. */
    private static final GuestMemory MEMORY =
            FakeGuestMemory.ofBytes(FuseClient.ANSWER_GPA + (SLOTS + 1L) * SLOT_BYTES);

    private final FuzzInput input;
    private final MemoryFolder folder;
    private final VirtioFs device;
    private final FuseClient client;
    private final ArrayDeque<FsTask> tasks = new ArrayDeque<>();

    /** Numbers that the server gave out, and some that it may have: what requests name. */
    private final List<Long> numbers = new ArrayList<>(List.of(0L, 1L, 2L, 3L, 4L, 1L << 32 | 2, -1L));

    private boolean kept;
    private int slot;

    private FuseFuzzTarget(byte[] bytes) {
        input = new FuzzInput(bytes);
        folder = new MemoryFolder(input.below(4) == 3);
        folder.addFile("a", "some contents of a file".getBytes(StandardCharsets.UTF_8));
        folder.addDirectory("d");
        folder.addSpecial("s", FileAttributes.S_IFIFO);
        folder.addSpecial("l", FileAttributes.S_IFLNK);
        device = new VirtioFs(
                folder,
                this::submit,
                new VirtioFsOptions("fuzz", 1, FuseClient.QUEUE_SIZE, false),
                new FuseOptions(CachePolicy.AUTO, 8, 4),
                "fuzz");
        client = new FuseClient(VirtioRig.Carrier.MMIO, device, false, MEMORY);
        MEMORY.fill(FuseClient.REQUEST_GPA, SLOTS * SLOT_BYTES, (byte) 0);
        MEMORY.fill(FuseClient.ANSWER_GPA, SLOTS * SLOT_BYTES, (byte) 0);
    }

    /** Takes an input. */
    public static void fuzzerTestOneInput(byte[] bytes) {
        FuzzBounds.check(ALLOCATED_BYTES_MAX, () -> new FuseFuzzTarget(bytes).run());
    }

    /** Returns a request of each kind, well-formed as far as zeroes go, and a short story of a file. */
    public static List<byte[]> seeds() {
        List<byte[]> seeds = new ArrayList<>();
        for (int opcode = 1; opcode <= 51; opcode++) {
            seeds.add(new byte[] {0, 0, (byte) opcode, 1, 0, (byte) 255, 100, 'a', 0, 'b', 0, 0, 0, 0, 0, 0, 0});
        }
        seeds.add(new byte[] {
            0,
            0, 1, 1, 0, 40, 2, 'a', 0, // LOOKUP a
            0, 14, 2, 0, 40, 8, 2, 0, 0, 0, 0, 0, 0, 0, // OPEN
            0, 15, 2, 0, 40, 40, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, // READ
            0, 18, 2, 0, 40, 8, 1, 0, 0, 0, 0, 0, 0, 0, // RELEASE
            0, 2, 2, 0, 0, 8, 1, 0, 0, 0, 0, 0, 0, 0, // FORGET
            7
        });
        return seeds;
    }

    private void submit(FsTask task) {
        if (kept) {
            tasks.add(task);
        } else {
            task.run();
        }
    }

    private void run() {
        client.start();
        for (int i = 0; i < STEPS_MAX && input.hasMore(); i++) {
            switch (input.below(8)) {
                case 4 -> runTask(true);
                case 5 -> runTask(false);
                case 6 -> kept = input.bit();
                case 7 -> reset();
                default -> request();
            }
            assertTrue(device.nodeCount() <= 8 && device.fileCount() <= 4);
            assertTrue(folder.openHandles() <= 11 + tasks.size() * 2);
        }
        reset();
        assertEquals(0, client.lookup(FuseProtocol.FUSE_ROOT_ID, "d").error() & ~FuseErrno.ENOENT);
        client.driver().reset();
        assertEquals(0, folder.openHandles());
    }

    private void runTask(boolean oldest) {
        if (!tasks.isEmpty()) {
            (oldest ? tasks.removeFirst() : tasks.removeLast()).run();
            collect();
        }
    }

    /** A reset waits for what is in flight, which on this one thread must be done before. */
    private void reset() {
        kept = false;
        while (!tasks.isEmpty()) {
            tasks.removeFirst().run();
        }
        collect();
        client.driver().reset();
        assertEquals(0, folder.openHandles());
        client.start();
    }

    /** A request, of which everything may be wrong. */
    private void request() {
        int opcode = input.u8();
        long node = numbers.get(input.below(numbers.size()));
        int shape = input.u8();
        int roomBytes = input.u8() * 16;
        byte[] arguments = arguments(shape, input.bytes(input.below(ARGUMENT_BYTES_MAX)));
        byte[] request = new FuseRequest(opcode, node).raw(arguments).toBytes();
        if ((shape & 1) != 0) {
            request[0] ^= (byte) shape;
        }
        slot = (slot + 1) % SLOTS;
        long requestGpa = FuseClient.REQUEST_GPA + (long) slot * SLOT_BYTES;
        client.memory.write(requestGpa, request, 0, request.length);
        int queue = (shape & 2) != 0 ? FuseClient.HIPRIO : FuseClient.REQUESTS;
        if (client.queue(queue).freeDescriptors() < 3) {
            return;
        }
        int split = 1 + Math.floorMod(shape * 7, request.length - 1);
        Buffer first = Buffer.readable(requestGpa, split);
        Buffer second = Buffer.readable(requestGpa + split, request.length - split);
        if (roomBytes == 0) {
            client.queue(queue).offer(first, second);
        } else {
            long answerGpa = FuseClient.ANSWER_GPA + (long) slot * SLOT_BYTES;
            client.queue(queue).offer(first, second, Buffer.writable(answerGpa, roomBytes));
        }
        client.notifyQueue(queue);
        collect();
    }

    /** Puts a number that exists where a request has it, as often as not. */
    private byte[] arguments(int shape, byte[] arguments) {
        if ((shape & 4) != 0 && arguments.length >= 8) {
            long number = numbers.get(Math.floorMod(arguments[0], numbers.size()));
            for (int i = 0; i < 8; i++) {
                arguments[i] = (byte) (number >>> (8 * i));
            }
        }
        return arguments;
    }

    private void collect() {
        client.loop.runReady();
        for (int index = 0; index < 2; index++) {
            while (client.queue(index).pollUsed()) {
                assertTrue(client.queue(index).usedLengthBytes() <= 255 * 16);
                long answer = client.memory.readU64(FuseClient.ANSWER_GPA + (long) slot * SLOT_BYTES + 16);
                if (numbers.size() < 64 && answer > 0) {
                    numbers.add(answer);
                }
            }
        }
    }
}
