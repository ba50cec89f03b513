// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.kvm.linux;

import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** eventfd, epoll and timerfd together. */
@EnabledOnOs(OS.LINUX)
class EventsTest {
    private static final long LONG_NANOS = TimeUnit.SECONDS.toNanos(30);

    @Test
    void eventFdCountsItsSignalsUntilDrained() {
        try (EventFd event = EventFd.create()) {
            assertEquals(0, event.drain());

            event.signal();
            event.signal();

            assertEquals(2, event.drain());
            assertEquals(0, event.drain());
        }
    }

    @Test
    void closedEventFdRefusesCalls() {
        EventFd event = EventFd.create();
        event.close();
        event.close();

        assertFalse(event.fd().isOpen());
        assertThrows(IllegalStateException.class, event::signal);
    }

    @Test
    void epollReportsTheDataOfWhatIsReady() {
        try (Epoll epoll = Epoll.create(4);
                EventFd quiet = EventFd.create();
                EventFd ready = EventFd.create()) {
            epoll.add(quiet.fd(), Epoll.EPOLLIN, 1);
            epoll.add(ready.fd(), Epoll.EPOLLIN, 0x1_0000_0002L);
            ready.signal();

            assertEquals(1, epoll.await(LONG_NANOS));
            assertEquals(0x1_0000_0002L, epoll.data(0));
            assertEquals(Epoll.EPOLLIN, epoll.events(0));
            assertThrows(IndexOutOfBoundsException.class, () -> epoll.data(1));
        }
    }

    @Test
    void epollReportsSeveralEventsOfOneWait() {
        try (Epoll epoll = Epoll.create(2);
                EventFd one = EventFd.create();
                EventFd two = EventFd.create()) {
            epoll.add(one.fd(), Epoll.EPOLLIN, 1);
            epoll.add(two.fd(), Epoll.EPOLLIN, 2);
            one.signal();
            two.signal();

            assertEquals(2, epoll.await(0));
            assertEquals(3, epoll.data(0) + epoll.data(1));
        }
    }

    @Test
    void epollWatchesNoLongerWhatIsRemovedOrOfNoInterest() {
        try (Epoll epoll = Epoll.create(1);
                EventFd event = EventFd.create()) {
            event.signal();
            epoll.add(event.fd(), 0, 1);
            assertEquals(0, epoll.await(0));

            epoll.modify(event.fd(), Epoll.EPOLLIN, 2);
            assertEquals(1, epoll.await(0));
            assertEquals(2, epoll.data(0));

            epoll.remove(event.fd());
            assertEquals(0, epoll.await(0));
        }
    }

    @Test
    void failedWatchNamesOperationAndError() {
        try (Epoll epoll = Epoll.create(1);
                EventFd event = EventFd.create()) {
            ErrnoException e =
                    assertThrows(ErrnoException.class, () -> epoll.remove(event.fd()));

            assertEquals(Errno.ENOENT, e.errno());
            assertTrue(e.getMessage().startsWith("epoll_ctl(EPOLL_CTL_DEL, fd "), e.getMessage());
        }
    }

    @Test
    void epollIsWokenByAnotherThread() throws InterruptedException {
        try (Epoll epoll = Epoll.create(1);
                EventFd event = EventFd.create()) {
            epoll.add(event.fd(), Epoll.EPOLLIN, 7);
            Thread signaller = new Thread(event::signal);

            signaller.start();

            assertEquals(1, epoll.await(LONG_NANOS));
            assertEquals(7, epoll.data(0));
            signaller.join();
        }
    }

    @Test
    void timerExpiresAtItsDeadline() {
        try (Epoll epoll = Epoll.create(1);
                TimerFd timer = TimerFd.create()) {
            epoll.add(timer.fd(), Epoll.EPOLLIN, 1);
            long deadlineNanos = System.nanoTime() + 2_000_000;

            timer.setDeadline(deadlineNanos);

            assertEquals(1, epoll.await(LONG_NANOS));
            assertTrue(System.nanoTime() >= deadlineNanos, "the timer expired too early");
            assertEquals(1, timer.drain());
            assertEquals(0, timer.drain());
        }
    }

    @Test
    void deadlineInThePastExpiresAtOnce() {
        try (Epoll epoll = Epoll.create(1);
                TimerFd timer = TimerFd.create()) {
            epoll.add(timer.fd(), Epoll.EPOLLIN, 1);

            timer.setDeadline(System.nanoTime() - 1);

            assertEquals(1, epoll.await(LONG_NANOS));
        }
    }

    @Test
    void periodicTimerExpiresUntilCancelled() {
        try (Epoll epoll = Epoll.create(1);
                TimerFd timer = TimerFd.create()) {
            epoll.add(timer.fd(), Epoll.EPOLLIN, 1);

            timer.setPeriod(1_000_000);

            assertEquals(1, epoll.await(LONG_NANOS));
            assertTrue(timer.drain() >= 1);
            assertEquals(1, epoll.await(LONG_NANOS));
            timer.cancel();
            assertEquals(0, timer.drain());
        }
    }

    @Test
    void impossibleArgumentsAreRefused() {
        try (TimerFd timer = TimerFd.create()) {
            assertThrows(IllegalArgumentException.class, () -> timer.setPeriod(0));
            assertThrows(IllegalArgumentException.class, () -> timer.setDeadline(-1));
        }
        assertThrows(IllegalArgumentException.class, () -> Epoll.create(0));
        assertThrows(IllegalArgumentException.class, () -> Fd.owning(-1));
    }
}
