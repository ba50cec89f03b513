// SPDX-License-Identifier: Apache-2.0
/**
 * Guest memory, the contracts between devices and machine, virtqueues, transports and devices.
 *
 * <p>Pure Java: this module never calls native code and is tested with native access denied.
 */
module dev.isthmus.virtio {
    requires org.slf4j;
    requires static transitive org.jspecify;

    exports dev.isthmus.memory;
    exports dev.isthmus.device;
    exports dev.isthmus.block;
    exports dev.isthmus.block.image;
    exports dev.isthmus.block.qcow2;
    exports dev.isthmus.fuse;
    exports dev.isthmus.virtio;
    exports dev.isthmus.virtio.balloon;
    exports dev.isthmus.virtio.block;
    exports dev.isthmus.virtio.console;
    exports dev.isthmus.virtio.fs;
    exports dev.isthmus.virtio.net;
    exports dev.isthmus.virtio.pmem;
    exports dev.isthmus.virtio.queue;
    exports dev.isthmus.virtio.rng;
    exports dev.isthmus.virtio.transport;
    exports dev.isthmus.virtio.vsock;
}
