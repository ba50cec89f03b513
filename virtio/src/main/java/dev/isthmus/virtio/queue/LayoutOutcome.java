// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

/** What checking a driver's queue setup gave: a usable {@link RingLayout}, or something {@link Malformed}. */
public sealed interface LayoutOutcome permits RingLayout, Malformed {}
