// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.bench;

import java.util.concurrent.CountDownLatch;

import dev.isthmus.device.BusDevice;
import dev.isthmus.machine.VmException;
import dev.isthmus.machine.accel.Vcpu;
import dev.isthmus.machine.accel.VcpuExit;
import dev.isthmus.machine.boot.InitialCpuState;
import dev.isthmus.machine.bus.Bus;
import dev.isthmus.machine.vcpu.ExitDispatcher;
import dev.isthmus.machine.vcpu.ExitListener;
import dev.isthmus.machine.vcpu.VcpuThread;
import dev.isthmus.testing.machine.BareVm;
import dev.isthmus.testing.machine.GuestCode;

/**
 * Measures an exit that an empty device handles: KVM_RUN, decoding, the bus, the device, and back, on the thread that runs
 * vCPUs, in turn with a C program's loop over the same guest. Prints a line per run: who, and nanoseconds an exit.
 *
 * <p>Arguments: pio or mmio, the C program, exits a run, the number of runs.
 */
final class ExitBenchmark {
    private static final int PORT = 0xf0;
    private static final long MMIO_GPA = 0xd000_0000L;

    private ExitBenchmark() {}

    public static void main(String[] args) throws Exception {
        boolean mmio = args[0].equals("mmio");
        int exits = Integer.parseInt(args[2]);
        runOne(mmio, exits);
        for (int i = 0; i < Integer.parseInt(args[3]); i++) {
            LifecycleBenchmark.print("isthmus", runOne(mmio, exits));
            LifecycleBenchmark.print("c-loop", CPeer.run(args[1], args[0], args[2]).get(0));
        }
    }

    private static GuestCode guest(boolean mmio) {
        if (mmio) {
            return new GuestCode()
                    .line32("   mov $0xd0000000, %eax", MMIO_GPA, 0xb8)
                    .line("1: mov %cl, (%eax)", 0x88, 0x08)
                    .line("   jmp 1b", 0xeb, 0xfc);
        }
        return new GuestCode().line("1: out %al, $0xf0", 0xe6, PORT).line("   jmp 1b", 0xeb, 0xfc);
    }

    private static double runOne(boolean mmio, int exits) throws InterruptedException {
        try (BareVm vm = BareVm.create(guest(mmio), 1)) {
            CountingDevice device = new CountingDevice(exits);
            Bus ports = new Bus.Builder().add("empty", PORT, 1, device).build();
            Bus addresses = new Bus.Builder().add("empty", MMIO_GPA, 1, device).build();
            Vcpu vcpu = vm.vcpu(0);
            vcpu.setInitialState(vm.initialState(InitialCpuState.Mode.PROTECTED));
            EndListener end = new EndListener();
            VcpuThread thread = new VcpuThread("bench-vcpu", vcpu, new ExitDispatcher(ports, addresses), end);
            device.thread = thread;
            thread.start();
            thread.setGoal(VcpuThread.Goal.RUN);
            end.ended.await();
            thread.join();
            if (end.failure != null) {
                throw new IllegalStateException(end.failure);
            }
            return (double) (device.endNanos - device.startNanos) / exits;
        }
    }

    /** Counts; the first tenth is for the caches, as in the C program. */
    private static final class CountingDevice implements BusDevice {
        private final int exits;
        private long count;
        private long startNanos;
        private long endNanos;
        private VcpuThread thread;

        CountingDevice(int exits) {
            this.exits = exits;
            this.count = -exits / 10;
        }

        @Override
        public long read(long offset, int sizeBytes) {
            return 0;
        }

        @Override
        public void write(long offset, int sizeBytes, long value) {
            if (count == 0) {
                startNanos = System.nanoTime();
            } else if (count == exits) {
                endNanos = System.nanoTime();
                thread.setGoal(VcpuThread.Goal.STOP);
            }
            count++;
        }
    }

    private static final class EndListener implements ExitListener {
        private final CountDownLatch ended = new CountDownLatch(1);
        private volatile Throwable failure;

        @Override
        public void systemEvent(Vcpu vcpu, VcpuExit exit) {
            failure = new IllegalStateException("system event");
        }

        @Override
        public void tripleFault(Vcpu vcpu, VcpuExit exit) {
            failure = new IllegalStateException("triple fault");
        }

        @Override
        public void cannotContinue(Vcpu vcpu, VcpuExit exit) {
            failure = new IllegalStateException(exit.kind().toString());
        }

        @Override
        public void hostFailed(VmException fault) {
            failure = fault;
        }

        @Override
        public void ended(Vcpu vcpu) {
            ended.countDown();
        }

        @Override
        public void bug(Throwable thrown) {
            failure = thrown;
        }
    }
}
