// SPDX-License-Identifier: Apache-2.0
package dev.isthmus.machine;

/**
 * Why a machine stands still: the host failed a request of a disk whose policy is {@link DiskErrorPolicy#STOP}.
 *
 * @param disk what messages call the disk, such as "disk 0" or "disk root"
 * @param noSpace whether the host has no room left for the image
 * @param message the call that failed, where and why, in one line
 */
public record DiskFault(String disk, boolean noSpace, String message) {}
