// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.virtio.queue;

/** What {@link Virtqueue#pop} found: a parsed {@link DescriptorChain}, or something {@link Malformed}. */
public sealed interface PopOutcome permits DescriptorChain, Malformed {}
