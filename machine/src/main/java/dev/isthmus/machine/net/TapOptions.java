// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine.net;

import java.nio.charset.StandardCharsets;

import org.jspecify.annotations.Nullable;

import dev.isthmus.kvm.linux.TapFd;
import dev.isthmus.virtio.net.VirtioNet;

/**
 * Which tap a guest's network device has, and how the host's side of it is set up.
 *
 * @param name of an existing tap, or of the one to make; {@code %d} in it stands for the first number that is free. 1 to 15
 *     bytes
 * @param queuePairs 1 to {@value #QUEUE_PAIRS_MAX}; more than one only with a tap that was made for several queues
 * @param bridge the bridge that it becomes a port of, or null
 * @param mtuBytes the host side's MTU, or {@link #MTU_UNCHANGED}
 * @param up whether the host's side is set up
 * @param persistent whether the tap stays when it is closed. One that exists already stays as persistent as it is
 * @param sendBufferBytes how much of what the guest sends may wait in the host before the guest waits, or
 *     {@link #SEND_BUFFER_UNLIMITED}
 */
public record TapOptions(
        String name,
        int queuePairs,
        @Nullable String bridge,
        int mtuBytes,
        boolean up,
        boolean persistent,
        int sendBufferBytes) {
    /** Makes a tap with the first free of the names isthmus0, isthmus1, …. */
    public static final String ANY_NAME = "isthmus%d";

    /** The host side's MTU stays as it is: 1500 where nobody has changed it. */
    public static final int MTU_UNCHANGED = 0;

    /** As Linux has it without being asked; what the guest sends is dropped where the host has no room. */
    public static final int SEND_BUFFER_UNLIMITED = 0;

    /** As many as a network device has. */
    public static final int QUEUE_PAIRS_MAX = VirtioNet.QUEUE_PAIRS_MAX;

    private static final int MTU_BYTES_MIN = 68;

    /** What taps allow: a frame has at most 65535 bytes. */
    private static final int MTU_BYTES_MAX = 65521;

    /** Checks the ranges; the message of a refusal is fit for users. */
    public TapOptions {
        checkName("tap", name);
        if (bridge != null) {
            checkName("bridge", bridge);
        }
        if (queuePairs < 1 || queuePairs > QUEUE_PAIRS_MAX) {
            throw new IllegalArgumentException("a tap has 1 to " + QUEUE_PAIRS_MAX + " queue pairs");
        }
        if (mtuBytes != MTU_UNCHANGED && (mtuBytes < MTU_BYTES_MIN || mtuBytes > MTU_BYTES_MAX)) {
            throw new IllegalArgumentException(
                    "a tap's MTU is from " + MTU_BYTES_MIN + " to " + MTU_BYTES_MAX);
        }
        if (sendBufferBytes < 0) {
            throw new IllegalArgumentException("a tap's send buffer is not negative");
        }
    }

    private static void checkName(String what, String name) {
        int bytes = name.getBytes(StandardCharsets.UTF_8).length;
        boolean sound = bytes >= 1 && bytes <= TapFd.MAX_NAME_BYTES && !name.equals(".") && !name.equals("..");
        for (int i = 0; i < name.length(); i++) {
            // By the kernel's dev_valid_name.
            sound &= name.charAt(i) > ' ' && name.charAt(i) != '/' && name.charAt(i) != ':';
        }
        if (!sound) {
            throw new IllegalArgumentException("the name of a " + what + " has 1 to " + TapFd.MAX_NAME_BYTES
                    + " bytes without space, colon and slash: " + name);
        }
    }

    /** Makes options for a tap with one queue pair that is set up and goes when it is closed. */
    public TapOptions(String name) {
        this(name, 1, null, MTU_UNCHANGED, true, false, SEND_BUFFER_UNLIMITED);
    }

    /** Returns the same options with another number of queue pairs. */
    public TapOptions withQueuePairs(int newQueuePairs) {
        return new TapOptions(name, newQueuePairs, bridge, mtuBytes, up, persistent, sendBufferBytes);
    }

    /** Returns the same options with a bridge. */
    public TapOptions withBridge(String newBridge) {
        return new TapOptions(name, queuePairs, newBridge, mtuBytes, up, persistent, sendBufferBytes);
    }

    /** Returns the same options with another MTU. */
    public TapOptions withMtu(int newMtuBytes) {
        return new TapOptions(name, queuePairs, bridge, newMtuBytes, up, persistent, sendBufferBytes);
    }

    /** Returns the same options with the host's side set up, or left as it is. */
    public TapOptions withUp(boolean newUp) {
        return new TapOptions(name, queuePairs, bridge, mtuBytes, newUp, persistent, sendBufferBytes);
    }

    /** Returns the same options for a tap that stays or goes when it is closed. */
    public TapOptions withPersistent(boolean newPersistent) {
        return new TapOptions(name, queuePairs, bridge, mtuBytes, up, newPersistent, sendBufferBytes);
    }

    /** Returns the same options with another send buffer. */
    public TapOptions withSendBuffer(int newSendBufferBytes) {
        return new TapOptions(name, queuePairs, bridge, mtuBytes, up, persistent, newSendBufferBytes);
    }
}
