// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

import dev.isthmus.machine.io.IoThread;

/**
 * What a machine has for its devices.
 *
 * @param machineName what threads' names begin with
 * @param cpus number of vCPUs
 * @param loop the devices' event loop
 * @param ram the guest's RAM
 * @param failures is told of what threads of devices throw
 */
record DeviceHost(String machineName, int cpus, IoThread loop, GuestRam ram, IoThread.FailureHandler failures) {
    /**
     * Makes a device.
     *
     * @param name what messages call it
     * @throws VmException if that is not to be had, with cause and remedy; nothing stays behind then
     */
    HostedDevice open(DeviceConfig config, String name) {
        return switch (config) {
            case FolderConfig folder -> Folder.open(folder, name, this);
            case NetConfig net -> Network.open(net, name, this);
            case VsockConfig vsock -> Vsock.open(vsock, name, loop);
            case ConsoleConfig consoles -> Console.open(consoles, name, loop);
            case RngConfig rng -> Rng.open(rng, name);
            case BalloonConfig balloon -> Balloon.open(balloon, name, ram);
        };
    }
}
